import { expect, test } from "bun:test";
import { MusterError } from "../protocol/errors.ts";
import { createInvocation, type Invocation } from "./invocation.ts";
import { findAgent, requireAgent, type LocalAgent } from "./local-api.ts";
import { AGENT_PID, AGENT_TOKEN } from "./testing/fake-agent.ts";
import { fakeSurroundings, HOME, type FakeSurroundings } from "./testing/fake-surroundings.ts";

test("the token is sent only to what answers for the very process of agent.json", async () => {
  const { surroundings, invocation } = given();
  const sent: string[] = [];
  const { fetch } = surroundings;
  surroundings.fetch = (url, init) => {
    sent.push(`${new URL(url).pathname} ${new Headers(init?.headers).get("authorization") ?? "no token"}`);
    return fetch(url, init);
  };
  surroundings.agent.healthPid = AGENT_PID + 1;
  expect((await findAgent(invocation)).state).toBe("absent");
  expect(sent).toEqual(["/health no token"]);
  surroundings.agent.healthPid = AGENT_PID;
  await (await requireAgent(invocation)).call("status", {});
  expect(sent.slice(1)).toEqual(["/health no token", `/api/status Bearer ${AGENT_TOKEN}`]);
});

test("a dead process, a refused connection and no file all mean that no agent runs", async () => {
  const breaks: ((surroundings: FakeSurroundings) => void)[] = [
    (surroundings) => (surroundings.processAlive = () => false),
    (surroundings) => {
      surroundings.agent.running = false;
      surroundings.processAlive = () => true;
    },
    ({ files }) => files.delete(`${HOME}/agent.json`),
    ({ files }) => files.set(`${HOME}/agent.json`, "{"),
    ({ files }) => files.set(`${HOME}/agent.json`, `{"pid":${AGENT_PID}}`),
    ({ files }) => files.set(`${HOME}/agent.json`, " ".repeat(100_000)),
  ];
  for (const breakIt of breaks) {
    const { surroundings, invocation } = given();
    breakIt(surroundings);
    expect((await findAgent(invocation)).state).toBe("absent");
    expect(await failureOf(requireAgent(invocation))).toMatchObject({
      code: "agent_not_running",
      hint: "start it: `muster start`",
    });
  }
});

test("an agent that hangs is waited for 3 s and named as such", async () => {
  const { surroundings, invocation } = given();
  surroundings.fetch = hanging;
  expect(await findAgent(invocation)).toEqual({ state: "silent", pid: AGENT_PID });
  expect(surroundings.clock.monotonic()).toBe(3_000);
});

test("a call that hangs ends after 20 s, an app's start after 60 s", async () => {
  for (const [name, waitedMs] of [
    ["remove", 20_000],
    ["start_app", 60_000],
  ] as const) {
    const { surroundings, invocation } = given();
    const agent = await requireAgent(invocation);
    surroundings.fetch = hanging;
    expect(await failureOf(agent.call(name, { share: "shop" }))).toMatchObject({ code: "unavailable" });
    expect(surroundings.clock.monotonic()).toBeGreaterThanOrEqual(waitedMs);
    expect(surroundings.clock.monotonic()).toBeLessThan(waitedMs + 1_000);
  }
});

test("what a device is asked may be silent for as long as it was given, and a log's first word for 20 s", async () => {
  const payload = "{}";
  const asked: [waitedMs: number, ask: (agent: LocalAgent) => Promise<unknown>][] = [
    [20_000, (agent) => agent.stream("logs", { share: "shop", lines: 10, follow: false })],
    [80_000, (agent) => agent.stream("query", { type: "ListTasks", params: "{}" })],
    [620_000, (agent) => agent.stream("capability", { protocol: "llm.chat", version: "1.0.0", payload })],
  ];
  for (const [waitedMs, ask] of asked) {
    const { surroundings, invocation } = given();
    const agent = await requireAgent(invocation);
    // As a real socket ends that was told to: by words of its own.
    surroundings.fetch = (url, init) => hanging(url, init).catch(() => Promise.reject(new Error("aborted")));
    expect(await failureOf(ask(agent))).toMatchObject({ code: "unavailable" });
    expect(surroundings.clock.monotonic()).toBeGreaterThanOrEqual(waitedMs);
    expect(surroundings.clock.monotonic()).toBeLessThan(waitedMs + 1_000);
  }
});

test("an answer that is no refusal and keeps no contract is an internal error with a next step", async () => {
  const answers = [
    Response.json({ id: 7 }),
    new Response("<html>", { status: 200 }),
    new Response("", { status: 502 }),
    Response.json({ error: { code: "made_up", message: "what" } }, { status: 400 }),
    Response.json({ error: "no" }, { status: 400 }),
  ];
  for (const broken of answers) {
    const { surroundings, invocation } = given();
    surroundings.agent.broken = { remove: broken };
    const agent = await requireAgent(invocation);
    expect(await failureOf(agent.call("remove", { share: "shop" }))).toMatchObject({ code: "internal" });
  }
});

test("an answer without end is cut off", async () => {
  const { surroundings, invocation } = given();
  const chunk = new Uint8Array(1024 * 1024).fill(32);
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
  surroundings.agent.broken = { remove: new Response(endless) };
  const agent = await requireAgent(invocation);
  expect(await failureOf(agent.call("remove", { share: "shop" }))).toMatchObject({ code: "too_large" });
});

test("a token that can't be read says which file and whose it must be", async () => {
  const { surroundings, invocation } = given();
  surroundings.files.delete(`${HOME}/token`);
  expect(await failureOf(findAgent(invocation))).toMatchObject({
    message: `the token of the agent can't be read from "${HOME}/token"`,
  });
});

test("a log that breaks off is an error, not an end", async () => {
  const { surroundings, invocation } = given();
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new TypeError("socket hang up"));
    },
  });
  surroundings.agent.broken = { logs: new Response(body) };
  const pieces = await (
    await requireAgent(invocation)
  ).stream("logs", { share: "shop", lines: 1, follow: true });
  const read = async (): Promise<void> => {
    for await (const _piece of pieces);
  };
  expect(await failureOf(read())).toBeInstanceOf(MusterError);
});

function given(): { surroundings: FakeSurroundings; invocation: Invocation } {
  const surroundings = fakeSurroundings();
  const options = { json: true, interrupted: new AbortController().signal };
  return { surroundings, invocation: createInvocation(surroundings, options) };
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

function hanging(_url: string, init?: RequestInit): Promise<Response> {
  const { promise, reject } = Promise.withResolvers<Response>();
  init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
  return promise;
}
