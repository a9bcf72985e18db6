// What devices can do for each other: a laptop without models uses those of two others over a hub in a fourth home,
// while they refuse, die and are taken back; a plugin that only a controller may use; texts that only a controller finds.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { meaningOf, meaningServer } from "../fakes/meaning-model.ts";
import { chunksFor, eventStream, ModelServer, refusal } from "../fakes/model-server.ts";
import { agent, Home, hubIn, type Running } from "./harness.ts";
import { until } from "./until.ts";

const EXAMPLES = resolve(import.meta.dir, "../../examples/plugins");
const owner = new Home();
const laptop = new Home();
const gpu = new Home();
const spare = new Home();
/** Of the device gpu: refuses what holds "busy", and comes to the middle of what holds "half". */
const models = meaningServer({
  answer({ body }) {
    const said = JSON.stringify(body["messages"] ?? "");
    if (said.includes("busy")) return refusal(503, "the model loads");
    if (!said.includes("half")) return undefined;
    return eventStream(chunksFor(["half"]).slice(0, 2), () => new Promise(() => {}));
  },
});
/** Of the device spare: never answers what holds "hold". */
const others = new ModelServer({
  models: ["tiny"],
  answer: ({ body }) => (JSON.stringify(body).includes("hold") ? new Promise<Response>(() => {}) : undefined),
});
let onSpare: Running;
let onGpu: Running;

beforeAll(async () => {
  const { hub_url: hubUrl } = await hubIn(owner);
  plugin(laptop, "disk-report");
  const manifest = join(laptop.path, "plugins", "disk-report", "plugin.toml");
  writeFileSync(manifest, 'name = "x"\n[[capabilities]]\nprotocol = "NO"\n', { mode: 0o600 });
  await join_(laptop, "laptop", '[llm]\nprovider = "off"\n');
  mkdirSync(join(gpu.folder, "notes"));
  writeFileSync(join(gpu.folder, "notes", "router.md"), "# The router\n\nIt stands in the cellar.\n");
  plugin(gpu, "disk-report");
  const notes = `[knowledgebase]\nfolders = ["${join(gpu.folder, "notes")}"]\n`;
  onGpu = await join_(gpu, "gpu", `[llm]\nbase_url = "${models.url}"\n${notes}`);
  onSpare = await join_(spare, "spare", `[llm]\nbase_url = "${others.url}"\n`);
  await offered("gpu", "disk.clean", "llm.chat", "knowledgebase");
  await offered("spare", "llm.chat");

  async function join_(home: Home, name: string, config: string): Promise<Running> {
    const { token } = await owner.ok(["device", "token"]);
    await home.ok(["init", hubUrl, "--token", token, "--yes", "--no-service", "--name", name]);
    writeFileSync(join(home.path, "muster.toml"), config, { mode: 0o600 });
    return agent(home);
  }
}, 60_000);
afterAll(async () => {
  for (const home of [spare, gpu, laptop, owner]) await home[Symbol.asyncDispose]();
  await models[Symbol.asyncDispose]();
  await others[Symbol.asyncDispose]();
});

/** One of the examples, as a person puts it there. */
function plugin(home: Home, name: string): void {
  const folder = join(home.path, "plugins", name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  cpSync(join(EXAMPLES, name), folder, { recursive: true });
  chmodSync(join(folder, "plugin.toml"), 0o600);
  for (const path of [folder, join(home.path, "plugins")]) chmodSync(path, 0o700);
}

/** Each look is a run of the program, which takes its time on a busy machine. */
const LOOK_MS = 30_000;

async function offered(device: string, ...protocols: string[]): Promise<void> {
  const isAll = async (): Promise<boolean> => {
    const offers = await offersOf(device);
    return protocols.every((protocol) => offers.includes(protocol));
  };
  await until(`${device} to offer ${protocols.join(", ")}`, isAll, LOOK_MS);
}

async function offersOf(device: string): Promise<string[]> {
  const { devices } = await owner.ok(["status"]);
  const found = devices.find(({ name }: { name: string }) => name === device);
  return (found?.capabilities ?? []).map(({ protocol }: { protocol: string }) => protocol);
}

test("a laptop without models uses those of another device", async () => {
  const answer = await laptop.ok(["call", "embeddings", '{"text":"four"}']);
  expect(answer).toEqual({
    from_device: "gpu",
    payload: { embedding: meaningOf("four"), model: "nomic-embed-text" },
  });
});

test("a question's answer comes as it is written, and a pipe is part of the question", async () => {
  const asked = await laptop.run(["ask", "what", "is", "this?"], { input: "a pipe\n" });
  expect(asked).toMatchObject({ code: 0, stdout: "You asked: what is this?\n\na pipe\n" });
  const chosen = await laptop.ok(["ask", "hello", "--device", "spare", "--model", "tiny"]);
  expect(chosen).toEqual({
    answer: "You asked: hello",
    model: "tiny",
    finish_reason: "stop",
    from_device: "spare",
  });
  expect(await laptop.refused(["ask", "hello", "--model", "none"])).toMatchObject({ code: "no_device" });
});

test("Ctrl-C takes the question back, as far as the model", async () => {
  const asking = laptop.spawn(["ask", "half of it", "--device", "gpu"]);
  asking.process.stdin?.end();
  await until("its first word", () => asking.stdout.includes("half"));
  asking.signal("SIGINT");
  expect(await asking.exited).toBe(130);
  await until("an end at the model", () => models.abandoned > 0);
});

test("a device that dies within its answer ends it with an error, and nothing is asked again", async () => {
  const before = others.asked.length;
  const asking = laptop.spawn(["ask", "half of it", "--device", "gpu"]);
  asking.process.stdin?.end();
  await until("its first word", () => asking.stdout.includes("half"));
  await onGpu.kill();
  expect(await asking.exited).toBe(1);
  expect(asking.stdout).toBe("half\n");
  expect(asking.stderr).toContain("gpu went away");
  expect(others.asked.length).toBe(before);
  onGpu = await agent(gpu);
  await offered("gpu", "disk.clean", "llm.chat", "knowledgebase");
});

describe("another device answers", () => {
  test("where the first refuses", async () => {
    const asked = await laptop.ok(["ask", "are you busy?", "--prefer", "gpu"]);
    expect(asked).toMatchObject({ from_device: "spare", answer: "You asked: are you busy?" });
  });

  test("where the first dies before its first word", async () => {
    const before = others.asked.length;
    const asking = laptop.spawn(["ask", "hold it", "--prefer", "spare", "--json"]);
    asking.process.stdin?.end();
    await until("its model to be asked", () => others.asked.length > before);
    await onSpare.kill();
    expect(await asking.exited).toBe(0);
    expect(JSON.parse(asking.stdout)).toMatchObject({ from_device: "gpu", answer: "You asked: hold it" });
    await agent(spare);
    await offered("spare", "llm.chat");
  });
});

test("a device that was named is the one that answers, or an error says why not", async () => {
  const busy = await laptop.refused(["ask", "are you busy?", "--device", "gpu"]);
  expect(busy).toMatchObject({ code: "unavailable", message: expect.stringContaining("gpu: ") });
  const lacking = await laptop.refused(["call", "llm.chat", "{}", "--only", "laptop"]);
  expect(lacking).toMatchObject({ code: "no_device", message: "laptop does not offer llm.chat" });
  expect(lacking.hint).toMatch(/^it is offered by: gpu \([\d.]+\), spare/);
  const unknown = await laptop.refused(["call", "llm.chta", "{}"]);
  expect(unknown.hint).toContain("llm.chat (gpu, spare)");
});

test("what can change a device takes a controller's order to that device", async () => {
  expect(await laptop.refused(["call", "disk.clean"])).toMatchObject({ code: "forbidden" });
  expect(await laptop.refused(["call", "disk.clean", "--device", "gpu"])).toMatchObject({
    code: "forbidden",
  });
  const cache = join(gpu.path, "plugins", "disk-report", "cache");
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, "old"), "");
  const cleaned = await owner.ok(["call", "disk.clean", "--device", "gpu"]);
  expect(cleaned).toEqual({ from_device: "gpu", payload: { removed: 1 }, parts: [{ removed: "old" }] });
  expect(await owner.refused(["call", "nothing", "--device", "gpu"])).toMatchObject({ code: "not_found" });
});

test("a model is also asked in a sealed session, which the hub can't read", async () => {
  const payload = '{"messages":[{"role":"user","content":"sealed"}],"stream":true}';
  const { from_device, parts } = await owner.ok(["call", "llm.chat", payload, "--device", "spare"]);
  expect(from_device).toBe("spare");
  expect(JSON.stringify(parts)).toContain("sealed");
});

test("a plugin's own query goes to who declares it", async () => {
  const { items, answered } = await owner.ok(["query", "disk.report"]);
  expect(answered).toEqual(["gpu"]);
  expect(items).toMatchObject([{ id: "/", device: "gpu" }]);
  const mistyped = await owner.refused(["query", "disk.rport"]);
  expect([mistyped.code, mistyped.hint]).toEqual([
    "no_device",
    expect.stringMatching(/^there are: .*disk\.report \(gpu\)/),
  ]);
  const lacking = await owner.ok([
    "query",
    "SearchKnowledgebase",
    "--params",
    '{"q":"x"}',
    "--device",
    "laptop",
  ]);
  expect(lacking).toMatchObject({ answered: [], failed: { laptop: "does not offer knowledgebase" } });
});

test("texts are found by a controller alone", async () => {
  const params = ["--params", '{"q":"cellar"}'];
  const { items } = await owner.ok(["query", "SearchKnowledgebase", ...params]);
  expect(items).toMatchObject([{ device: "gpu", title: "The router", path: "notes/router.md", rank: 1 }]);
  const { failed } = await laptop.ok(["query", "SearchKnowledgebase", ...params]);
  expect(failed.gpu).toContain("to controllers alone");
});

test("texts are found by their meaning too, by the model of the device that has them", async () => {
  const state = async () => (await owner.ok(["query", "KnowledgebaseState"])).items[0];
  await until("their embedding", async () => (await state()).embeddings === "complete", LOOK_MS);
  expect(await state()).toMatchObject({ device: "gpu", texts: 1, passages: 1, embedded: 1, reason: null });
  const params = ["--params", '{"q":"wlan"}'];
  const { items, searched_by } = await owner.ok(["query", "SearchKnowledgebase", ...params]);
  expect(items).toMatchObject([{ device: "gpu", title: "The router", found_by: ["meaning"] }]);
  expect(searched_by).toEqual({ gpu: ["words", "meaning"] });
  const { failed } = await laptop.ok(["query", "KnowledgebaseState"]);
  expect(failed.gpu).toContain("to controllers alone");
});

test("a command runs where something is offered", async () => {
  const ran = await owner.run(["run", "--on", "disk.clean", "--json", "--", "echo", "here"]);
  expect(ran.json).toMatchObject({ device: "gpu", status: "completed", logs: "here\n" });
  const nowhere = await owner.run(["run", "--on", "nothing", "--json", "--", "true"]);
  expect([nowhere.code, nowhere.error?.code]).toEqual([125, "no_device"]);
});

test("what is disabled is not offered, and a broken manifest is told with its line", async () => {
  await until(
    "a word of it",
    async () => {
      const { notices } = await laptop.ok(["status"]);
      return notices.some((text: string) => text.includes("plugin.toml:3: `capabilities.0.protocol`"));
    },
    LOOK_MS,
  );
  await onGpu.kill();
  const again = gpu.spawn([
    "agent",
    "--json",
    "--disable-capability",
    "llm.chat",
    "--disable-capability",
    "exec",
  ]);
  await again.firstJson();
  await offered("gpu", "embeddings");
  // It is refused too, and not only left out of the list.
  const refused = await owner.run(["run", "--device", "gpu", "--no-queue", "--json", "--", "true"]);
  expect(refused.error).toMatchObject({ code: "forbidden", message: "this device has exec disabled" });
  const offers = await offersOf("gpu");
  expect([offers.includes("llm.chat"), offers.includes("exec"), offers.includes("shell")]).toEqual([
    false,
    false,
    true,
  ]);
});
