// `muster mcp` with the real program: a home that is hub and controller, and a device, asked as an assistant asks.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentIn, Home, type Json, type Running } from "./harness.ts";
import { McpWire } from "./mcp-wire.ts";
import { failure, until } from "./until.ts";

/** Offers `echo`, which only computes, and answers the query `Notes`. */
const PLUGIN = `name = "echo"
[[capabilities]]
protocol = "echo"
version = "1.0.0"
class = "compute"
[[queries]]
name = "Notes"
[run]
command = ["/bin/sh", "-c", '''
while read -r line; do
  id=$(printf %s "$line" | sed 's/.*"id":\\([0-9]*\\).*/\\1/')
  case $line in
    *capability.call*) result='{"said":"hello"}' ;;
    *plugin.hello*) result='{}' ;;
    *) result='{"items":[{"note":"buy milk"}]}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\\n' "$id" "$result"
done
''']
`;

let owner: Home;
let pi: Home;
let running: Running;

beforeAll(async () => {
  [owner, pi] = [new Home(), new Home()];
  owner.configure("[limits]\nentries_per_minute = 1000\n");
  const { hub_url: hubUrl } = await owner.start("--no-tunnel");
  pi.configure("");
  mkdirSync(join(pi.path, "plugins", "echo"), { recursive: true, mode: 0o700 });
  writeFileSync(join(pi.path, "plugins", "echo", "plugin.toml"), PLUGIN, { mode: 0o600 });
  running = await agentIn(pi, { owner, hubUrl, name: "pi" });
}, 60_000);
afterAll(async () => {
  await pi[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

test("an assistant that may only read sees the fleet, and runs nothing", async () => {
  await using mcp = new McpWire(owner);
  const { serverInfo, instructions } = await mcp.open();
  expect(serverInfo.name).toBe("muster");
  expect(instructions).toContain("Nothing can be changed");
  const { tools } = (await mcp.ask("tools/list")).result;
  expect(tools.map(({ name }: Json) => name)).not.toContain("run_command");
  expect(tools.every(({ annotations }: Json) => annotations.readOnlyHint)).toBe(true);

  const { devices } = await mcp.tool("list_devices", { device: "pi" });
  expect(devices).toMatchObject([{ name: "pi", status: "online" }]);
  const { capabilities } = await mcp.tool("list_capabilities");
  const tasks = capabilities.find(({ protocol }: Json) => protocol === "tasks");
  expect([tasks.class, tasks.online]).toEqual(["read", expect.arrayContaining(["pi"])]);
  const ran = await owner.run(["run", "--device", "pi", "--", "echo", "from the pi"]);
  expect(ran.code).toBe(0);
  const listed = await mcp.tool("list_tasks", { device: "pi" });
  expect(listed).toMatchObject({ items: [{ title: "echo 'from the pi'", exit_code: 0 }], answered: ["pi"] });
  expect((await mcp.tool("search_tasks", { q: "from" })).items[0].id).toBe(listed.items[0].id);
  expect((await mcp.tool("task_stats", { device: "pi" })).stats.completed).toBe(1);
  const task = listed.items[0].id;
  expect(await mcp.tool("show_task", { task })).toMatchObject({ device: "pi", text: "from the pi\n" });
  expect(await mcp.tool("read_task_logs", { task, from: 5 })).toMatchObject({
    text: "the pi\n",
    next: 12,
    ended: true,
  });

  await until("the plugin to be offered", async () => {
    const offered = (await mcp.tool("list_capabilities")).capabilities;
    return offered.some(({ protocol, class: trust }: Json) => protocol === "echo" && trust === "compute");
  });
  const echo = { protocol: "echo", payload: { text: "hi" } };
  const served = await mcp.tool("call_capability", echo);
  expect(served).toEqual({ from_device: "pi", answer: { said: "hello" } });
  const notes = await mcp.tool("query", { name: "Notes" });
  expect(notes).toMatchObject({ items: [{ note: "buy milk", device: "pi" }], answered: ["pi"] });
  expect(await failure(mcp.tool("query", { name: "Nothing" }))).toContain("no_device");
  expect(await failure(mcp.tool("call_capability", { protocol: "no.such-thing" }))).toContain("no_device");
  expect(await failure(mcp.tool("call_capability", { protocol: "exec" }))).toContain("forbidden");
  expect(await failure(mcp.tool("run_command", { device: "pi", command: "true" }))).toContain("run_command");
  expect(await failure(mcp.tool("show_task", { task: 7 }))).toContain("task");
  expect(await failure(mcp.tool("show_task", { task: "abcdef" }))).toContain("not_found");
  expect(await mcp.leave()).toBe(0);
  expect(mcp.program.stderr).toBe("");
}, 60_000);

test("one that may run commands on a device runs them there alone, and leaves none behind", async () => {
  await using mcp = new McpWire(owner, ["--allow", "run", "--device", "pi"]);
  await mcp.open();
  const run = (command: string, given: object = {}, meta: object = {}): Promise<Json> =>
    mcp.tool("run_command", { device: "pi", command, ...given }, meta);
  expect(await run("echo out; echo err >&2; exit 3", {}, { progressToken: 1 })).toMatchObject({
    device: "pi",
    status: "failed",
    exit_code: 3,
    output_bytes: 8,
    text: expect.stringContaining("out\n"),
  });
  expect(mcp.heard.some(({ method }) => method === "notifications/progress")).toBe(true);
  const elsewhere = mcp.tool("run_command", { device: "laptop", command: "true" });
  expect(await failure(elsewhere)).toContain("forbidden");

  const huge = await run("seq 1 200000");
  expect(huge.text.length).toBeLessThanOrEqual(32 * 1024);
  expect(huge.text).toEndWith("\n200000\n");
  expect(huge.output_left_out_bytes).toBe(huge.output_bytes - 32 * 1024);
  const page = await mcp.tool("read_task_logs", { task: huge.task, device: "pi", from: 0, max_bytes: 6 });
  expect(page).toMatchObject({ text: "1\n2\n3\n", next: 6 });

  const long = await run("sleep 311", { wait_s: 1 });
  expect(long).toMatchObject({ status: "running", exit_code: null });
  const cancelled = await mcp.tool("cancel_task", { task: long.task, device: "pi" });
  expect(cancelled).toMatchObject({ status: "cancelled", task: long.task });

  const taken = mcp.next;
  void run("sleep 312").catch(() => {});
  const runs = async (): Promise<number> => (await mcp.tool("task_stats", { device: "pi" })).stats.running;
  await until("it to run", async () => (await runs()) === 1);
  mcp.say({ method: "notifications/cancelled", params: { requestId: taken } });
  await until("its end", async () => (await runs()) === 0);

  void run("sleep 313").catch(() => {});
  await until("another to run", async () => (await runs()) === 1);
  expect(await mcp.leave()).toBe(0);
  const { stats } = await owner.ok(["task", "stats", "--device", "pi"]);
  expect([stats.running, stats.cancelled]).toEqual([0, 3]);
}, 60_000);

test("a device that is away is named, and no command waits for it", async () => {
  await running.kill();
  await until(
    "pi to be offline",
    async () => (await owner.ok(["device", "show", "pi"])).status === "offline",
  );
  await using mcp = new McpWire(owner, ["--allow", "run", "--device", "pi"]);
  await mcp.open();
  const { offline, answered } = await mcp.tool("list_tasks");
  expect([Object.keys(offline), answered]).toEqual([["pi"], [expect.any(String)]]);
  const refused = await failure(mcp.tool("run_command", { device: "pi", command: "true" }));
  expect(refused).toContain("device_offline");
  expect((await owner.ok(["task", "ls"])).items.some(({ queued }: Json) => queued === true)).toBe(false);
  mcp.program.signal("SIGTERM");
  expect(await mcp.program.exited).toBe(0);
}, 60_000);
