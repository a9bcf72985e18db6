import { expect, test } from "bun:test";
import { CHANNEL } from "../../protocol/command-messages.ts";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { FakeTime } from "../../trunk/testing.ts";
import type { CommandPeer } from "../exec/command-kind.ts";
import type { CallAnswer, Capability } from "./capability.ts";
import { capabilityCommand } from "./capability-command.ts";

const REQUEST = { protocol: "disk.clean", version: "1.0.0", payload: '{"a":1}' };

function setting(
  call: (payload: unknown, answer: CallAnswer) => void,
  kind: "control" | "compute" = "control",
) {
  const time = new FakeTime();
  const told: string[] = [];
  const capability: Capability = {
    offer: { protocol: "disk.clean", version: "1.2.0", class: kind },
    audience: "controllers",
    call({ payload }, answer) {
      call(payload, answer);
      return { resume: () => told.push("resume"), cancel: () => told.push("cancel") };
    },
  };
  const peer: CommandPeer & { roomBytes: number; text: string } = {
    roomBytes: Number.POSITIVE_INFINITY,
    text: "",
    send(channel: number, bytes: Uint8Array) {
      expect(channel).toBe(CHANNEL.output);
      peer.text += fromUtf8(bytes) ?? "?";
      peer.roomBytes -= bytes.length;
      return peer.roomBytes > 0;
    },
    inputTaken() {},
  };
  const kindOf = capabilityCommand({
    timers: time,
    capabilities: { find: ({ protocol }) => (protocol === "disk.clean" ? capability : undefined) },
  });
  const start = (
    request: { payload: string; protocol: string; version: string; timeout_ms?: number } = REQUEST,
  ) => {
    const name = { signer: "s", commandId: "c", digest: new Uint8Array(32) };
    return kindOf.start(request, { peer, signer: new Uint8Array(32), name });
  };
  return { start, peer, time, told };
}

test.each(["control", "compute"] as const)(
  "a %s capability's parts and payload are lines behind the acceptance",
  async (kind) => {
    const { start, peer, time } = setting((payload, answer) => {
      answer.part(1);
      answer.part("two");
      answer.done({ heard: payload });
      answer.part("late");
    }, kind);
    const running = await start();
    expect(running.facts).toEqual({ protocol: "disk.clean", version: "1.2.0" });
    expect(peer.text).toBe("");
    time.settle();
    expect(peer.text).toBe('{"part":1}\n{"part":"two"}\n{"payload":{"heard":{"a":1}}}\n');
    expect(await running.outcome).toEqual({ result: {} });
  },
);

test("what is not offered, and a payload that is no JSON, are refused", async () => {
  const { start } = setting(() => {});
  expect(start({ ...REQUEST, protocol: "other" })).rejects.toThrow("does not offer other 1.0.0");
  expect(start({ ...REQUEST, payload: "{" })).rejects.toThrow("no JSON");
});

test("a capability that refuses or fails is the outcome", async () => {
  const failing = setting((_, answer) => answer.fail(new MusterError("app_failed", "broken")));
  expect(await (await failing.start()).outcome).toMatchObject({ error: { code: "app_failed" } });
  const refusing = setting((_, answer) => answer.refuse(new MusterError("unavailable", "busy")));
  expect(await (await refusing.start()).outcome).toMatchObject({ error: { code: "unavailable" } });
});

test.each([
  ["a signal", "message"],
  ["the end of its session", "left"],
  ["the end of its giver's right", "revoke"],
] as const)("%s cancels what runs, once", async (_, how) => {
  const { start, told } = setting(() => {});
  const running = await start();
  for (let n = 0; n < 2; n++) {
    if (how === "message") running.message({ type: "signal", name: "TERM" });
    else running[how]();
  }
  expect(told).toEqual(["cancel"]);
  expect((await running.outcome).error).toBeDefined();
});

test("one that takes too long is cancelled", async () => {
  const { start, time, told } = setting(() => {});
  const running = await start({ ...REQUEST, timeout_ms: 1000 });
  time.advance(1000);
  expect(told).toEqual(["cancel"]);
  expect(await running.outcome).toMatchObject({ error: { code: "capability_timeout" } });
});

test("a slow reader holds it back, and gets all of it in order", async () => {
  const part = "x".repeat(10_000);
  let answer: CallAnswer | undefined;
  const { start, peer, time, told } = setting((_, given) => (answer = given));
  const running = await start();
  time.settle();
  peer.roomBytes = 5000;
  let sent = 0;
  while (answer?.part(part) === true) sent += 1;
  expect(sent).toBeLessThan(8);
  expect(peer.text.length).toBe(5000);
  answer?.done(null);
  while (!peer.text.endsWith('{"payload":null}\n')) {
    peer.roomBytes = 40_000;
    running.drain();
  }
  expect(told).toContain("resume");
  expect(peer.text.split("\n").filter((line) => line === `{"part":"${part}"}`).length).toBe(sent + 1);
  expect(await running.outcome).toEqual({ result: {} });
});

test("one that is not held back fails before it fills the memory", async () => {
  const { start, peer } = setting((_, answer) => {
    peer.roomBytes = 0;
    const part = "x".repeat(1024 * 1024);
    for (let n = 0; n < 64; n++) answer.part(part);
  });
  expect(await (await start()).outcome).toMatchObject({ error: { code: "unavailable" } });
});
