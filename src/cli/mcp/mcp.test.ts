import { afterEach, expect, test } from "bun:test";
import { encodeOrderBytes, encodeOrderEvent } from "../../protocol/order-frames.ts";
import type { TaskView } from "../../protocol/tasks.ts";
import { deviceView } from "../testing/fake-views.ts";
import { mcpClient, type McpClient } from "../testing/mcp-client.ts";

const READING = [
  "list_devices",
  "list_capabilities",
  "call_capability",
  "query",
  "list_tasks",
  "search_tasks",
  "task_stats",
  "show_task",
  "read_task_logs",
];
const TASK_ID = "01936f7a-5555-7000-8000-0000000000ee";
const AT = "2026-11-20T06:09:38.000Z";

let client: McpClient;

async function open(...args: string[]): Promise<McpClient> {
  client = await mcpClient(args);
  return client;
}

afterEach(async () => {
  client.leave();
  client.surroundings.interrupt("SIGTERM");
  expect(await client.exitCode).toBe(0);
});

test("it only reads, and says so, unless commands were allowed", async () => {
  await open();
  const { result } = await client.ask("tools/list");
  expect(result.tools.map((tool: { name: string }) => tool.name)).toEqual(READING);
  for (const tool of result.tools) {
    expect(tool.annotations.readOnlyHint).toBe(true);
    expect(tool.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    expect(tool.description.length).toBeGreaterThan(40);
  }
  expect(client.heard[0].result.instructions).toContain("Nothing can be changed or run from here");
  const refused = await client.ask("tools/call", { name: "run_command", arguments: {} });
  expect(refused.error.message).toContain("run_command");
});

test("with --allow run it names the devices that commands may run on, and no others", async () => {
  await open("--allow", "run", "--device", "pi", "nas");
  const { result } = await client.ask("tools/list");
  expect(result.tools.map((tool: { name: string }) => tool.name)).toEqual([
    ...READING,
    "run_command",
    "cancel_task",
  ]);
  const { inputSchema, annotations } = result.tools.at(-2);
  expect(inputSchema.properties.device.enum).toEqual(["pi", "nas"]);
  expect(inputSchema.required).toEqual(["device", "command"]);
  expect(annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
  for (const [name, given] of [
    ["run_command", { device: "laptop", command: "true" }],
    ["cancel_task", { device: "laptop", task: "0000aa" }],
  ] as const) {
    const refused = await client.tool(name, given);
    expect(refused.isError).toBe(true);
    expect(refused.structuredContent.error).toMatchObject({ code: "forbidden" });
    expect(refused.content[0].text).toContain("allowed: pi, nas");
  }
  expect(client.surroundings.agent.calls).toEqual([]);
});

test("devices and what they offer, without control characters", async () => {
  await open();
  client.surroundings.agent.devices?.push(
    deviceView({
      name: "gpu",
      id: "gpu-id",
      status: "offline",
      platform: "linux\u001b[31m\u{e0041}",
      capabilities: [
        { protocol: "llm.chat", version: "1.0.0", class: "compute", models: ["qwen3:8b"] },
        { protocol: "exec", version: "1.0.0", class: "control" },
      ],
    }),
  );
  const { structuredContent, content } = await client.tool("list_devices", { status: "offline" });
  expect(JSON.parse(content[0].text)).toEqual(structuredContent);
  expect(structuredContent.devices).toMatchObject([
    { name: "gpu", platform: "linux", capabilities: ["llm.chat@1.0.0", "exec@1.0.0"] },
  ]);
  const all = await client.tool("list_devices");
  expect(all.structuredContent.devices[0]).toMatchObject({ name: "laptop", this_device: true });
  expect((await client.tool("list_devices", { device: "nobody" })).isError).toBe(true);
  const offers = await client.tool("list_capabilities");
  expect(offers.structuredContent.capabilities).toEqual([
    { protocol: "exec", version: "1.0.0", class: "control", online: [], away: ["gpu"], models: [] },
    {
      protocol: "llm.chat",
      version: "1.0.0",
      class: "compute",
      online: [],
      away: ["gpu"],
      models: ["qwen3:8b"],
    },
  ]);
  const refused = await client.tool("call_capability", { protocol: "exec" });
  expect(refused.structuredContent.error.code).toBe("forbidden");
});

test("queries and capabilities, with who did not answer", async () => {
  await open();
  const found = await client.tool("query", { name: "SearchKnowledgebase", params: { q: "backup" } });
  expect(found.structuredContent).toMatchObject({
    items: [{ device: "gpu" }, { title: "The router", device: "pi" }, { path: "todo.txt" }],
    answered: ["gpu", "pi"],
    timed_out: ["slow"],
  });
  const listed = await client.tool("list_tasks", { limit: 1 });
  expect(listed.structuredContent).toMatchObject({
    items: [{ device: "pi" }],
    cursor: expect.any(String),
    failed: { old: expect.any(String) },
    offline: { never: null },
  });
  const custom = await client.tool("query", { name: "Notes" });
  expect(custom).toMatchObject({ isError: true, structuredContent: { error: { code: "no_device" } } });
  const wish = { protocol: "embeddings", payload: { text: "hi" }, model: "bge-m3", device: "gpu" };
  const served = await client.tool("call_capability", wish);
  const { request } = client.surroundings.agent.calls.find(({ name }) => name === "capability") ?? {};
  expect(request).toMatchObject({
    payload: '{"text":"hi"}',
    model: "bge-m3",
    only_device: "gpu",
    timeout_ms: 120_000,
  });
  expect(served.structuredContent).toEqual({ from_device: "gpu", answer: { vector: [0.5, -1] } });
  const nobody = await client.tool("call_capability", { protocol: "llm.chat" });
  expect(nobody.content[0].text).toBe(
    "no_device: no device offers llm.chat 1.0.0\nhint: there are: embeddings (gpu, pi)",
  );
});

test("tasks and what they wrote", async () => {
  await open();
  const listed = await client.tool("list_tasks", { status: "failed" });
  expect(listed.structuredContent).toMatchObject({
    items: [{ device: "pi", title: "ls /none", exit_code: 2 }],
    offline: { never: null },
  });
  const searched = await client.tool("search_tasks", { q: "uptime" });
  expect(searched.structuredContent.items).toHaveLength(1);
  expect((await client.tool("task_stats")).structuredContent.stats.failed).toBe(1);
  const shown = await client.tool("show_task", { task: "0000bb" });
  expect(shown.structuredContent).toMatchObject({ exit_code: 2, text: "ls: cannot access '/none'\n" });
  expect(shown.structuredContent.logs).toBeUndefined();
  const logs = await client.tool("read_task_logs", { task: "0000bb" });
  expect(logs.structuredContent).toMatchObject({ from: 0, next: 30, end: 30, ended: true });
  expect(logs.content[1].text).toBe("ls: cannot access '/none'\n");
  const missing = await client.tool("show_task", { task: "abcdef" });
  expect(missing.content[0].text).toContain("hint: not heard of: away");
});

test("what is asked wrongly is told so that it can be asked rightly", async () => {
  await open();
  for (const [name, given, says] of [
    ["list_tasks", { limmit: 3 }, "limmit"],
    ["list_tasks", { limit: 1000 }, "50"],
    ["show_task", {}, "task"],
    ["show_task", { task: "../../etc" }, "task"],
    ["query", { name: "rm;-rf" }, "names no query"],
    ["call_capability", { protocol: "LLM chat" }, "protocol"],
  ] as const) {
    const { isError, content } = await client.tool(name, given);
    expect([isError, content[0].text]).toEqual([true, expect.stringContaining(says)]);
  }
  const unknown = await client.ask("tools/call", { name: "format_disk", arguments: {} });
  expect(unknown.error.code).toBe(-32_602);
  expect((await client.ask("no/such/method")).error.code).toBe(-32_601);
});

test("without an agent every tool says how to get one, and answers again once it runs", async () => {
  await open();
  client.surroundings.agent.running = false;
  client.surroundings.files.delete("/home/ada/.muster/hub.json");
  const away = await client.tool("list_tasks");
  expect(away.content[0].text).toBe(
    "agent_not_running: no agent runs on this machine\nhint: start it with a hub of its own: `muster start`; " +
      "or join a hub first: `muster init HUB_URL`",
  );
  client.surroundings.agent.running = true;
  expect((await client.tool("list_tasks")).isError).toBeUndefined();
  expect(client.surroundings.stderr.text).toBe("");
});

test("a mistake of our own is no more than that to the client, and is told on standard error", async () => {
  await open();
  client.surroundings.agent.broken.task_query = new Response('{"stats":"none"}\n');
  const broken = await client.tool("task_stats");
  expect(broken.structuredContent.error.code).toBe("internal");
  expect(client.surroundings.stderr.text).toContain("muster: error:");
});

test("a command that runs is told of, and its end has its exit code and what it wrote", async () => {
  await open("--allow", "run", "--device", "pi");
  begins("running");
  wrote([["compiling\r\n", false]], [["\u001b[1mdone\n", true]]);
  ended({ status: "failed", exit_code: 3, logs_bytes: 20 });
  const ran = await client.tool("run_command", { device: "pi", command: "make" }, { progressToken: "p" });
  expect(ran.structuredContent).toMatchObject({
    task: TASK_ID,
    device: "pi",
    status: "failed",
    exit_code: 3,
    output_bytes: 20,
    text: "compiling\ndone\n",
  });
  expect(client.heard.at(-1).params).toEqual({ progressToken: "p", progress: 1, message: "compiling" });
  const { request } = client.surroundings.agent.calls.find(({ name }) => name === "task_logs") ?? {};
  expect(request).toMatchObject({ task: TASK_ID, device: "pi-id", wait: true });
});

test("one that runs on is left running when the time is over, and ended when it is taken back", async () => {
  await open("--allow", "run", "--device", "pi");
  begins("running");
  const waits = hangs();
  ended({ status: "running", exit_code: null });
  const long = client.tool("run_command", { device: "pi", command: "sleep 99" });
  await waits.asked;
  client.pass();
  expect((await long).structuredContent).toMatchObject({ status: "running", task: TASK_ID, text: "" });
  expect(called("task_cancel")).toBe(0);

  begins("running");
  const again = hangs();
  void client.tool("run_command", { device: "pi", command: "sleep 99" });
  await again.asked;
  client.notify("notifications/cancelled", { requestId: 3 });
  await again.cancelled;
});

test("one that is begun without waiting is a task at once", async () => {
  await open("--allow", "run", "--device", "pi");
  begins("running");
  const begun = await client.tool("run_command", { device: "pi", command: "sleep 99", detach: true });
  expect(begun.structuredContent).toMatchObject({ task: TASK_ID, status: "running" });
  expect(called("task_logs")).toBe(0);
  const cancelled = await client.tool("cancel_task", { device: "pi", task: "0000dd" });
  expect(cancelled.structuredContent).toMatchObject({ status: "cancelled", device: "pi" });
});

test("a command whose client leaves is ended", async () => {
  await open("--allow", "run", "--device", "pi");
  begins("running");
  const waits = hangs();
  void client.tool("run_command", { device: "pi", command: "sleep 99" });
  await waits.asked;
  client.surroundings.interrupt("SIGTERM");
  expect(await client.exitCode).toBe(0);
  expect(called("task_cancel")).toBe(1);
});

test("more calls at once than anybody needs are refused", async () => {
  await open();
  const { fetch } = client.surroundings;
  client.surroundings.fetch = (url, init) => {
    const { promise, reject } = Promise.withResolvers<Response>();
    if (!url.endsWith("/api/task_query")) return fetch(url, init);
    init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    return promise;
  };
  const calls = Array.from({ length: 17 }, () => client.tool("task_stats"));
  const first = await Promise.race(calls);
  expect(first.structuredContent.error.code).toBe("too_many");
});

function called(name: string): number {
  return client.surroundings.agent.calls.filter((call) => call.name === name).length;
}

function view(change: Partial<TaskView>): TaskView {
  return {
    id: TASK_ID,
    device: "pi",
    device_id: "pi-id",
    title: "make",
    status: "running",
    exit_code: null,
    reason: null,
    created_at: AT,
    updated_at: AT,
    started_at: AT,
    ended_at: null,
    description: null,
    command: ["/bin/sh", "-c", "make"],
    input: {},
    output: null,
    signal: null,
    logs: "",
    logs_truncated: false,
    logs_bytes: 0,
    ...change,
  };
}

/** What the agent says of an order that is a task at once. */
function begins(status: "running"): void {
  const frames = [
    encodeOrderEvent({ type: "opened", order: "o1" }),
    encodeOrderBytes("output", new Uint8Array(3)),
    encodeOrderEvent({ type: "ended", outcome: { result: { ...view({ status }) } } }),
  ];
  client.surroundings.agent.broken.run = new Response(new Blob(frames as Uint8Array<ArrayBuffer>[]));
}

function ended(change: Partial<TaskView>): void {
  answerTo("task_show", () => Response.json({ task: view(change) }));
}

/** The pages of its log, one after the other: texts, and whether all is said with them. */
function wrote(...pages: [text: string, ended: boolean][][]): void {
  let end = 0;
  answerTo("task_logs", () => {
    const [[text, isLast] = ["", true]] = pages.shift() ?? [];
    end += Buffer.byteLength(text);
    const pieces = [{ from: "stdout", bytes: Buffer.from(text).toString("base64url") }];
    return Response.json({ pieces, next: end, start: 0, end, ended: isLast });
  });
}

/** A log that nothing comes to. */
function hangs(): { asked: Promise<void>; cancelled: Promise<void> } {
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const { promise: cancelled, resolve: isCancelled } = Promise.withResolvers<void>();
  answerTo("task_logs", (signal) => {
    isAsked();
    const { promise, reject } = Promise.withResolvers<Response>();
    signal?.addEventListener("abort", () => reject(signal.reason));
    return promise;
  });
  answerTo("task_cancel", () => {
    isCancelled();
    return Response.json({ task: view({ status: "cancelled" }) });
  });
  return { asked, cancelled };
}

function answerTo(
  name: string,
  answer: (signal: AbortSignal | undefined) => Response | Promise<Response>,
): void {
  const { fetch, agent } = client.surroundings;
  client.surroundings.fetch = async (url, init) => {
    if (!url.endsWith(`/api/${name}`)) return fetch(url, init);
    // The CLI always sends text.
    agent.calls.push({ name, request: JSON.parse(init?.body as string) });
    return answer(init?.signal ?? undefined);
  };
}
