import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { z } from "zod";
import type { LineStream } from "../../trunk/line-stream.ts";
import type { TrunkStream } from "../../trunk/stream.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { Session } from "../sessions/session.ts";
import { CallStreams } from "./call-stream.ts";
import { FakeFleet, OWN_ROOT, SOME_SIGNATURE, type FakeAsker } from "./calls.fixture.ts";
import { CapabilityDesk } from "./capability-desk.ts";
import { QueryDesk } from "./query-desk.ts";

const ID = "019ab000-0000-7000-8000-000000000003";
const asks = {
  capability: {
    type: "capability_request",
    request_id: ID,
    capability: { protocol: "llm.chat", version: "1.0.0" },
    payload: "{}",
    log: OWN_ROOT,
    signature: SOME_SIGNATURE,
  },
  query: { type: "aggregate_query", query_id: ID, query_type: "ListTasks", params: "{}", timeout_ms: 60_000 },
} as const;
type Kind = keyof typeof asks;

const offers = {
  capabilities: [
    { protocol: "llm.chat", version: "1.0.0", class: "compute" },
    { protocol: "tasks", version: "1.0.0", class: "read" },
  ],
} as const;

/** Timers of the desks alone: trunks have their own. */
function counted(timers: Timers): Timers & { pending: Set<object> } {
  const pending = new Set<object>();
  return {
    pending,
    soon: (run) => timers.soon(run),
    every: (periodMs, run) => timers.every(periodMs, run),
    after(delayMs, run): Timer {
      const mark = {};
      pending.add(mark);
      const timer = timers.after(delayMs, () => {
        pending.delete(mark);
        run();
      });
      return {
        cancel() {
          pending.delete(mark);
          timer.cancel();
        },
      };
    },
  };
}

function fleet() {
  const made = new FakeFleet();
  const { devices, offers: offered, directory, time } = made;
  const timers = counted(time);
  const parts = { devices, offers: offered, directory, clock: time, timers };
  const desks = {
    capability: new CapabilityDesk({ ...parts, granted: () => [] }),
    query: new QueryDesk(parts),
  };
  return { made, desks, timers };
}

test.each(["capability", "query"] as const)("a second %s on a stream takes the first one back", (kind) => {
  const { made, desks, timers } = fleet();
  const gpu = made.add("gpu", offers, () => {});
  const { lines, told } = made.ask(desks[kind], [OWN_ROOT], kind);
  lines.send(asks[kind]);
  made.time.settle();
  expect(gpu.asked).toHaveLength(1);
  lines.send(asks[kind]);
  made.time.settle();
  expect(told).toHaveLength(1);
  expect(gpu.dropped).toBe(1);
  expect(timers.pending.size).toBe(0);
});

test("an answer that nobody takes counts as a request of its session", () => {
  const { made, desks } = fleet();
  made.add("gpu", offers, (_, lines) => {
    lines.send({ type: "capability_response", request_id: ID, payload: `"${"x".repeat(200_000)}"` });
    lines.end();
  });
  const first = made.ask(desks.capability);
  const askers = [first, ...Array.from({ length: 64 }, () => first.again())];
  for (const { lines } of askers) {
    lines.pause();
    lines.send(asks.capability);
    made.time.settle();
  }
  expect(askers[64]?.heard).toEqual([]);
  askers[64]?.lines.resume();
  made.time.settle();
  expect(askers[64]?.heard).toMatchObject([{ error: { code: "too_many" } }]);
});

test("a session that begins requests without an end holds what its requests may, and no more", () => {
  const { made } = fleet();
  const calls = new CallStreams<string, object>(made.time, {
    request: z.string(),
    refused: (_, error) => error,
    sessionMax: 1,
  });
  const said: string[] = [];
  const desk = {
    open: (session: Session, stream: TrunkStream) =>
      calls.open(session, stream, (request, { reply, over }) => {
        said.push(request.slice(0, 3));
        reply({});
        over();
        return { resume() {}, cancel() {} };
      }),
  };
  const one = made.ask(desk);
  const [two, three] = [one.again(), one.again()];
  const half = "x".repeat(1_300_000);
  one.raw(`"one${half}`);
  two.raw(`"two${half}`);
  made.time.settle();
  expect([one.told, two.told]).toEqual([[], ["close unavailable"]]);
  one.raw('"\n');
  one.lines.close();
  three.raw(`"three${half}"\n`);
  made.time.settle();
  expect(said).toEqual(["one", "thr"]);
});

const step = fc.oneof(
  fc.record({ do: fc.constant("ask" as const), kind: fc.constantFrom<Kind>("capability", "query") }),
  fc.record({
    do: fc.constantFrom("again", "nonsense", "close", "pause", "resume", "end"),
    at: fc.nat({ max: 20 }),
  }),
  fc.record({
    do: fc.constantFrom("part", "last", "refuse", "lie", "hangUp", "finish"),
    at: fc.nat({ max: 20 }),
  }),
  fc.record({ do: fc.constant("cut" as const), at: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 5_000, 31_000) }),
);

test("whatever askers and devices do, in the end nothing is counted, open or timed", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { made, desks, timers } = fleet();
      const heldByDevices: LineStream[] = [];
      const devices = ["one", "two", "three"].map((name) =>
        made.add(name, offers, (_, lines) => heldByDevices.push(lines)),
      );
      const sessions = {
        capability: made.ask(desks.capability),
        query: made.ask(desks.query, [OWN_ROOT], "query"),
      };
      const askers: { kind: Kind; asker: FakeAsker }[] = [];
      for (const each of steps) {
        if (each.do === "wait") made.time.advance(each.ms);
        else if (each.do === "cut") devices[each.at]?.cut();
        else if (each.do === "ask") {
          const asker = sessions[each.kind].again();
          asker.lines.send(asks[each.kind]);
          askers.push({ kind: each.kind, asker });
        } else {
          const from = askers[each.at % Math.max(1, askers.length)];
          if (from !== undefined) byAsker(each.do, from);
          const lines = heldByDevices[each.at % Math.max(1, heldByDevices.length)];
          if (lines !== undefined) byDevice(each.do, lines);
        }
        made.time.settle();
      }
      for (const { asker } of askers) asker.lines.close();
      for (const { lines } of Object.values(sessions)) lines.close();
      made.time.settle();
      expect(timers.pending.size).toBe(0);
      // Nothing is left of them in what one session may have at once.
      for (const [kind, most] of [
        ["capability", 64],
        ["query", 16],
      ] as const) {
        const fresh = Array.from({ length: most }, () => sessions[kind].again());
        for (const { lines } of fresh) lines.send(asks[kind]);
        made.time.settle();
        expect(JSON.stringify(fresh.map(({ heard }) => heard))).not.toContain("too_many");
      }
    }),
    { numRuns: 60, seed: 11 },
  );
});

function byAsker(what: string, { kind, asker }: { kind: Kind; asker: FakeAsker }): void {
  const { lines } = asker;
  if (what === "again") lines.send(asks[kind]);
  else if (what === "nonsense") lines.send({ type: "nonsense" });
  else if (what === "close") lines.close();
  else if (what === "pause") lines.pause();
  else if (what === "resume") lines.resume();
  else if (what === "end") lines.end();
}

function byDevice(what: string, lines: LineStream): void {
  const big = JSON.stringify("x".repeat(100_000));
  if (what === "part") {
    lines.send({ type: "capability_part", request_id: ID, data: big });
    lines.send({ type: "query_part", data: big, is_final: false });
  } else if (what === "last") lines.send({ type: "capability_response", request_id: ID, payload: "1" });
  else if (what === "finish") lines.send({ type: "query_part", data: "[]", is_final: true });
  else if (what === "refuse")
    lines.send({ type: "capability_refused", error: { code: "too_many", message: "" } });
  else if (what === "lie") lines.send({ type: "capability_response", request_id: ID.replace("3", "4") });
  else if (what === "hangUp") lines.close();
}
