// Questions to the whole fleet: by the command line with an agent and without one, by a program with a key, by a person.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { agent, agentIn, Home, hubIn, portOf, type Json, type Running } from "./harness.ts";
import { signedIn, type Person } from "./person.ts";
import { until } from "./until.ts";

let owner: Home;
let pi: Home;
let gpu: Home;
let hubUrl: string;
let running: { hub: Running; pi: Running; gpu: Running };
let person: Person;

beforeAll(async () => {
  [owner, pi, gpu] = [new Home(), new Home(), new Home()];
  const { hub, hub_url, login_url } = await hubIn(owner);
  hubUrl = hub_url;
  if (login_url === null) throw new Error("a new hub has a sign-in link");
  person = await signedIn(login_url);
  running = {
    hub,
    pi: await agentIn(pi, { owner, hubUrl, name: "pi" }),
    gpu: await agentIn(gpu, { owner, hubUrl, name: "gpu" }),
  };
  for (const [home, words] of [
    [pi, "on-the-pi"],
    [gpu, "on-the-gpu"],
  ] as const) {
    await home.run(["run", "--", "echo", words]);
  }
  await until("both devices to be known to have tasks", async () => {
    const { answered } = await owner.ok(["query", "ListTasks"]);
    return answered.length === 2;
  });
}, 60_000);
afterAll(async () => {
  person[Symbol.dispose]();
  for (const home of [gpu, pi, owner]) await home[Symbol.asyncDispose]();
});

const titles = ({ items }: { items: { title: string; device: string }[] }): string[] =>
  items.map(({ title, device }) => `${title} @${device}`).toSorted();
const BOTH = ["echo on-the-gpu @gpu", "echo on-the-pi @pi"];

test("a controller's home asks all devices, or some", async () => {
  const all = await owner.ok(["query", "ListTasks"]);
  expect(titles(all)).toEqual(BOTH);
  expect(all).toMatchObject({ timed_out: [], failed: {}, offline: {} });
  const some = await owner.ok(["query", "ListTasks", "--device", "pi"]);
  expect([titles(some), some.answered]).toEqual([["echo on-the-pi @pi"], ["pi"]]);
  const found = await owner.ok(["query", "SearchTasks", "--params", '{"q":"gpu"}']);
  expect(titles(found)).toEqual(["echo on-the-gpu @gpu"]);
  expect((await owner.ok(["query", "GetTaskStats"])).total).toMatchObject({ completed: 2, failed: 0 });
});

test("scripts take each device's part as it comes, and pages of all devices as one", async () => {
  for (const argv of [
    ["query", "ListTasks", "--stream"],
    ["task", "ls", "--stream"],
  ]) {
    const { stdout, code } = await owner.run(argv);
    const events = stdout
      .trim()
      .split("\n")
      .map((line): Json => JSON.parse(line));
    expect([code, events.map(({ event }) => event)]).toEqual([0, ["expected", "part", "part", "done"]]);
    expect(events[0]?.expected.map(({ name }: Json) => name).toSorted()).toEqual(["gpu", "pi"]);
    expect(events.at(-1)?.answered.toSorted()).toEqual(["gpu", "pi"]);
  }
  const first = await owner.ok(["query", "ListTasks", "--params", '{"limit":1}']);
  const params = JSON.stringify({ limit: 1, cursor: first.cursor });
  const second = await owner.ok(["query", "ListTasks", "--params", params]);
  expect(titles({ items: [...first.items, ...second.items] })).toEqual(BOTH);
  const last = await owner.ok(["task", "ls", "--limit", "1", "--cursor", first.cursor]);
  expect([titles(last), last.cursor]).toEqual([titles(second), null]);
});

test("a member gets the lists that each device lets the hub see, and no search", async () => {
  expect(titles(await pi.ok(["query", "ListTasks"]))).toEqual(BOTH);
  const { answered, failed } = await pi.ok(["query", "SearchTasks", "--params", '{"q":"gpu"}']);
  expect([answered, Object.keys(failed).toSorted()]).toEqual([[], ["gpu", "pi"]]);
  expect(failed.gpu).toContain("to controllers alone");
});

test("what is wrong is said by each device, or before any is asked", async () => {
  const { failed } = await owner.ok(["query", "ListTasks", "--params", '{"limit":0}']);
  expect(failed.pi).toContain("limit");
  expect(await owner.refused(["query", "Notes"])).toMatchObject({ exit: 1, code: "no_device" });
  expect(await owner.refused(["query", "ListTasks", "--device", "nobody"])).toMatchObject({
    code: "not_found",
  });
  expect(await owner.refused(["call", "thumbnails", "{}"])).toMatchObject({ exit: 1, code: "no_device" });
  expect(await pi.refused(["call", "tasks", "{}"])).toMatchObject({ code: "forbidden" });
});

test("a person, and a program whose key may read, ask by HTTP", async () => {
  const [status, body] = await person.call("/api/aggregate/tasks?limit=1", undefined, "GET");
  expect([status, body.items.length, body.answered.toSorted()]).toEqual([200, 1, ["gpu", "pi"]]);
  const [, next] = await person.call(`/api/aggregate/tasks?limit=1&cursor=${body.cursor}`, undefined, "GET");
  expect(titles({ items: [...body.items, ...next.items] })).toEqual(BOTH);

  const { token } = await owner.ok(["key", "create", "reader", "--scope", "read"]);
  expect(titles(await asProgram(token, "/api/aggregate/tasks").json())).toEqual(BOTH);
  const events = await asProgram(token, "/api/aggregate/tasks", "text/event-stream").text();
  expect(events.match(/^event: \w+$/gm)).toEqual([
    "event: expected",
    "event: part",
    "event: part",
    "event: done",
  ]);
  const searched = await asProgram(token, "/api/aggregate/tasks?q=gpu").json();
  expect(Object.keys(searched.failed).toSorted()).toEqual(["gpu", "pi"]);
});

test("a key uses what its scopes say and commands nothing; taken back, it is nobody's within a second", async () => {
  const { token } = await owner.ok(["key", "create", "editor"]);
  expect((await asProgram(token, "/v1/models").response).status).toBe(200);
  expect((await asProgram(token, "/api/fleet").response).status).toBe(403);
  expect((await asProgram(token, "/api/audit").response).status).toBe(403);
  expect(await pi.refused(["key", "create", "mine"])).toMatchObject({ code: "forbidden" });
  expect((await owner.ok(["key", "ls"])).items.map(({ name }: Json) => name)).toContain("editor");

  await owner.ok(["revoke", "editor"]);
  expect((await asProgram(token, "/v1/models").response).status).toBe(401);
  for (const home of [owner, pi, gpu]) {
    expect(Bun.spawnSync(["grep", "-rlsF", "-e", token, home.path]).stdout.toString()).toBe("");
  }
});

test("an agent's local API takes the same key by its own copy of the log", async () => {
  const { token } = await owner.ok(["key", "create", "local"]);
  const { port } = (await Bun.file(`${pi.path}/agent.json`).json()) as { port: number };
  const models = (): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
  await until("the key at the device", async () => (await models()).status === 200);
  await owner.ok(["revoke", "local"]);
  await until("its end there", async () => (await models()).status === 401);
});

test("a device that is gone is named, with the time; and all of it is back after the hub was killed", async () => {
  await running.gpu.kill();
  const gone = await until("the gpu to be missing", async () => {
    const answer = await owner.ok(["query", "ListTasks"]);
    return Object.keys(answer.offline).length === 1 ? answer : undefined;
  });
  expect(titles(gone)).toEqual(["echo on-the-pi @pi"]);
  const listed = await owner.ok(["task", "ls"]);
  expect([titles(listed), Object.keys(listed.offline)]).toEqual([["echo on-the-pi @pi"], ["gpu"]]);
  expect(Date.parse(gone.offline.gpu)).toBeGreaterThan(Date.now() - 60_000);
  const strict = await owner.run(["query", "ListTasks", "--strict", "--json"]);
  expect(strict.code).toBe(1);

  await running.hub.kill();
  await hubIn(owner, portOf(hubUrl));
  await agent(gpu);
  await until("both to answer again", async () => {
    const { code, json } = await owner.run(["query", "ListTasks", "--json"]);
    return code === 0 && json?.answered.length === 2;
  });
}, 60_000);

function asProgram(token: string, path: string, accept = "application/json") {
  const response = fetch(`${hubUrl}${path}`, { headers: { authorization: `Bearer ${token}`, accept } });
  return {
    response,
    json: async (): Promise<Json> => (await response).json(),
    text: async (): Promise<string> => (await response).text(),
  };
}
