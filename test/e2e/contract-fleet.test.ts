// What scripts may rely on where several devices take part: the JSON and the exit codes of tasks, questions, calls,
// walks, pairings and keys. What one device says of itself is in contract.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ModelServer } from "../fakes/model-server.ts";
import { agentIn, Home, type Json } from "./harness.ts";
import { until } from "./until.ts";

const ID = /^[a-z2-7]{7}(-[a-z2-7]{7}){3}$/;
const TASK = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ALL_ANSWERED = { timed_out: [], failed: {}, offline: {} };

const owner = new Home();
const pi = new Home();
const models = new ModelServer({ models: ["tiny"] });
let here: string;

beforeAll(async () => {
  owner.configure('[llm]\nprovider = "off"\n');
  pi.configure(`[llm]\nbase_url = "${models.url}"\n`);
  const facts = await owner.start();
  here = facts.device_name;
  await agentIn(pi, { owner, hubUrl: facts.hub_url, name: "pi" });
  await until("the model", async () => {
    const { capabilities } = await owner.ok(["device", "show", "pi"]);
    return capabilities.some(({ protocol }: Json) => protocol === "llm.chat");
  });
});
afterAll(async () => {
  await pi[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
  await models[Symbol.asyncDispose]();
});

describe("tasks", () => {
  test("run prints the task at its end, and exits with its code", async () => {
    const ran = await owner.run(["run", "--device", "pi", "--json", "--", "sh", "-c", "echo out; exit 3"]);
    const { id }: { id: string } = ran.json;
    expect(ran.code).toBe(3);
    expect(ran.json).toMatchObject({
      id: expect.stringMatching(TASK),
      device: "pi",
      device_id: expect.stringMatching(ID),
      title: expect.any(String),
      command: ["sh", "-c", "echo out; exit 3"],
      status: "failed",
      exit_code: 3,
      reason: null,
      signal: null,
      logs: "out\n",
      logs_bytes: 4,
      logs_truncated: false,
      created_at: expect.stringMatching(ISO),
      updated_at: expect.stringMatching(ISO),
      started_at: expect.stringMatching(ISO),
      ended_at: expect.stringMatching(ISO),
    });
    expect(await owner.ok(["task", "show", id])).toMatchObject({ id, status: "failed", logs: "out\n" });
    expect(await owner.refused(["task", "cancel", id])).toMatchObject({ exit: 1, code: "conflict" });
    expect(await owner.ok(["task", "rm", id])).toEqual({ id, device: "pi" });
  });

  test("run is 125 where Muster itself failed, as an error of the usual form", async () => {
    const nowhere = await owner.run(["run", "--device", "nobody", "--json", "--", "true"]);
    expect([nowhere.code, nowhere.stdout, nowhere.error]).toEqual([
      125,
      "",
      { code: "not_found", message: 'there is no device "nobody"', hint: expect.any(String) },
    ]);
  });

  test("task ls and query have one form: items, and what became of each device", async () => {
    const { id } = (await owner.run(["run", "--device", "pi", "--json", "--", "true"])).json;
    const answered = [here, "pi"].toSorted();
    const item = expect.objectContaining({
      id,
      device: "pi",
      device_id: expect.stringMatching(ID),
      title: "true",
      status: "completed",
      exit_code: 0,
      updated_at: expect.stringMatching(ISO),
    });
    for (const asked of [
      ["task", "ls"],
      ["task", "search", "true"],
      ["query", "ListTasks"],
      ["query", "ListTasks", "--params", '{"status":"completed"}'],
    ]) {
      const list = await owner.ok(asked);
      expect(list).toMatchObject({ items: expect.arrayContaining([item]), ...ALL_ANSWERED });
      expect(list.answered.toSorted()).toEqual(answered);
    }
    const stats = await owner.ok(["task", "stats"]);
    expect(stats).toMatchObject({ stats: { running: 0, completed: 1 }, ...ALL_ANSWERED });
  });

  test("a device that is missing is named; that is 1 with --strict alone", async () => {
    const asked = ["query", "SearchKnowledgebase", "--params", '{"q":"x"}', "--device", "pi"];
    expect(await owner.ok(asked)).toMatchObject({
      items: [],
      answered: [],
      failed: { pi: "does not offer knowledgebase" },
    });
    expect(await owner.run([...asked, "--json", "--strict"])).toMatchObject({ code: 1 });
    expect(await owner.refused(["query", "Nothing"])).toMatchObject({ exit: 1, code: "no_device" });
    expect(await owner.refused(["query", "ListTasks", "--params", "[]"])).toMatchObject({ exit: 2 });
  });

  test("--stream prints who is expected, each part, and who answered", async () => {
    const { stdout } = await owner.run(["query", "ListTasks", "--stream"]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line): Json => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(["expected", "part", "part", "done"]);
    expect(lines[0].expected).toContainEqual({ id: expect.stringMatching(ID), name: "pi" });
    expect(lines[1]).toMatchObject({ from_device: expect.any(String), data: { items: expect.any(Array) } });
    expect(lines.at(-1)).toMatchObject(ALL_ANSWERED);
  });
});

describe("what devices offer", () => {
  const PAYLOAD = '{"messages":[{"role":"user","content":"hi"}]}';

  test("call names the device that answered, and ask has the answer as text", async () => {
    for (const which of [[], ["--prefer", "pi"], ["--prefer", here], ["--only", "pi"]]) {
      expect(await owner.ok(["call", "llm.chat", PAYLOAD, ...which])).toEqual({
        from_device: "pi",
        payload: expect.objectContaining({ choices: expect.any(Array) }),
      });
    }
    expect(await owner.ok(["ask", "hi"])).toEqual({
      answer: expect.any(String),
      model: "tiny",
      from_device: "pi",
      finish_reason: "stop",
    });
  });

  test.each([
    [["call", "llm.chat", "{", "--only", "pi"], 2, "usage"],
    [["call", "nothing", "{}"], 1, "no_device"],
    [["ask", "hi", "--model", "none"], 1, "no_device"],
    [["ask", "hi", "--device", "nobody"], 1, "no_device"],
  ])("%j exits with %d, %s", async (args, exit, code) => {
    expect(await owner.refused(args)).toMatchObject({ exit, code, hint: expect.any(String) });
  });

  test("key create shows the key once, key ls and revoke the rest", async () => {
    const { token, ...key } = await owner.ok(["key", "create", "editor", "--expires", "1h"]);
    expect(token).toMatch(/^mk1_[\w-]+$/);
    expect(key).toEqual({
      id: expect.stringMatching(ID),
      name: "editor",
      holder: "program",
      scopes: ["models"],
      capabilities: null,
      devices: null,
      expires_at: expect.stringMatching(ISO),
      expired: false,
    });
    expect(await owner.ok(["key", "ls"])).toEqual({ items: [key] });
    expect(await owner.ok(["revoke", "editor"])).toEqual(key);
    expect(await owner.refused(["revoke", "editor"])).toMatchObject({ exit: 1, code: "not_found" });
  });
});

test("why has a hop for each step, and succeeds whenever it can tell", async () => {
  const whole = await owner.ok(["why", "pi"]);
  expect(whole).toMatchObject({ target: "pi", ok: true, cause: null, fix: null });
  for (const hop of whole.hops) {
    expect(hop).toEqual({ name: expect.any(String), ok: true, ms: hop.ms, detail: expect.any(String) });
    expect(hop.ms === null || hop.ms >= 0).toBe(true);
  }
  const broken = ["why", "http://127.0.0.1:1/"];
  const told = await owner.ok(broken);
  expect(told).toMatchObject({ ok: false, cause: expect.any(String), fix: expect.any(String) });
  expect(told.hops.map(({ ok }: Json) => ok)).toEqual([true, false, null]);
  const strict = await owner.run([...broken, "--strict", "--json"]);
  expect([strict.code, strict.json.ok, strict.error?.code]).toEqual([1, false, "unavailable"]);
  expect(await owner.refused(["why", "nobody"])).toMatchObject({ exit: 1, code: "not_found" });
});

test("pair, send and inbox", async () => {
  const making = owner.spawn(["pair", "--json"]);
  const first = await making.firstJson();
  const { code }: { code: string } = first;
  expect(first).toMatchObject({
    code: expect.stringMatching(/^[\dA-Z]{2}-[\dA-Z]{4}$/),
    expires_at: expect.stringMatching(ISO),
  });
  const entered = await pi.ok(["pair", code]);
  const { safety }: { safety: string } = entered;
  expect(safety.split(" ")).toHaveLength(5);
  expect(entered).toMatchObject({ peer_id: expect.stringMatching(ID), peer_name: here });
  expect(await making.exited).toBe(0);
  const made = JSON.parse(making.stdout.trimEnd().split("\n")[1] ?? "");
  expect(made).toMatchObject({ peer_id: expect.stringMatching(ID), peer_name: "pi", safety });

  const sent = await owner.ok(["send", "pi", "hello"]);
  const { id }: { id: string } = sent;
  expect(sent).toMatchObject({ id: expect.any(String), state: "delivered" });
  const file = owner.write("note.txt", "a file");
  expect(await owner.ok(["send", "pi", "--file", file])).toMatchObject({ state: "delivered" });
  const { stdout } = await pi.run(["inbox", "--json"]);
  const [text, second] = stdout
    .trimEnd()
    .split("\n")
    .map((line): Json => JSON.parse(line));
  expect(text).toEqual({ id, from: here, at: expect.stringMatching(ISO), text: "hello" });
  expect(second).toMatchObject({ from: here, file: expect.stringContaining("note.txt") });
  expect(await owner.refused(["send", "nobody", "x"])).toMatchObject({ exit: 1, code: "not_found" });
});
