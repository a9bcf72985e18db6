// An interrupt while the agent is started in the background takes back what was begun, whatever moment it comes at:
// who is told that it failed must not find it running, nor in the way of the next start.
import { expect, test } from "bun:test";
import { runCli } from "./run-cli.ts";
import type { Surroundings } from "./surroundings.ts";
import { AGENT_PID } from "./testing/fake-agent.ts";
import { fakeSurroundings, type FakeSurroundings } from "./testing/fake-surroundings.ts";

/** What is started answers at once, and ends a while after it was told to. */
function starting({ endsAfterMs = 0 }: { endsAfterMs?: number } = {}) {
  const surroundings = fakeSurroundings();
  const { agent, timers } = surroundings;
  const state = { begun: 0, told: 0, ended: 0 };
  agent.running = false;
  surroundings.spawnSelf = () => {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    state.begun += 1;
    agent.running = true;
    const end = (): void => {
      state.ended += 1;
      agent.running = false;
      resolve(0);
    };
    return {
      pid: AGENT_PID,
      exited: promise,
      stop: () => {
        state.told += 1;
        timers.after(endsAfterMs, end);
      },
    };
  };
  return { surroundings, state };
}

/** Ctrl-C as the answer of this call arrives. */
function interruptAt(surroundings: FakeSurroundings, call: string): void {
  const { fetch } = surroundings;
  surroundings.fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (url.endsWith(call)) surroundings.interrupt();
    return response;
  };
}

test.each(["/health", "/api/status", "/api/login_link"])(
  "as %s is answered: what was started is ended, and nothing is said to run",
  async (call) => {
    const { surroundings, state } = starting();
    interruptAt(surroundings, call);
    expect(await runCli(["start"], surroundings)).toBe(130);
    expect(state).toEqual({ begun: 1, told: 1, ended: 1 });
    expect(surroundings.stdout.text).toBe("");
  },
);

test("while the sign-in link is awaited, which is no reason to go on without one", async () => {
  const { surroundings, state } = starting();
  const { fetch } = surroundings;
  surroundings.fetch = (url, init) => {
    if (!url.endsWith("/api/login_link")) return fetch(url, init);
    surroundings.interrupt();
    return Promise.reject(init?.signal?.reason);
  };
  expect(await runCli(["start", "--json"], surroundings)).toBe(130);
  expect(state.ended).toBe(1);
  expect(surroundings.stdout.text).toBe("");
});

test("before anything is started: nothing is", async () => {
  const { surroundings, state } = starting();
  const { disk } = surroundings;
  const watched: Surroundings["disk"] = {
    ...disk,
    info(path) {
      if (path.endsWith("agent.log")) surroundings.interrupt();
      return disk.info(path);
    },
  };
  expect(await runCli(["start"], Object.assign(surroundings, { disk: watched }))).toBe(130);
  expect(state.begun).toBe(0);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s: its end is waited for, so that the next start finds the home free", async (name, code) => {
  const { surroundings, state } = starting({ endsAfterMs: 4_000 });
  const { fetch } = surroundings;
  surroundings.fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (url.endsWith("/api/status")) surroundings.interrupt(name);
    return response;
  };
  expect(await runCli(["start"], surroundings)).toBe(code);
  expect(state.ended).toBe(1);
});

test("a second Ctrl-C waits for nothing", async () => {
  const { surroundings, state } = starting({ endsAfterMs: 4_000 });
  const { fetch } = surroundings;
  surroundings.fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (url.endsWith("/api/status")) for (const _ of [1, 2]) surroundings.interrupt();
    return response;
  };
  expect(await runCli(["start"], surroundings)).toBe(130);
  expect(state.ended).toBe(0);
});
