// The attacker's side of a trunk: frames that break the rules, come late, or are never read.

import { describe, expect, test } from "bun:test";
import { FIRST_CREDIT_BYTES, OPEN_MAX_BYTES, PROVEN_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import { encodeFrame, FRAME, NO_BYTES, writeU32 } from "./frame.ts";
import { CONTROL_MAX_BYTES } from "./outbox.ts";
import { bytesOf, LoneTrunk, openStream, StreamLog, textOf } from "./testing-trunks.ts";

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}

describe("a far side that breaks the rules closes the trunk with protocol_error:", () => {
  const cases: [name: string, play: (lone: LoneTrunk) => void][] = [
    ["an unknown frame", (lone) => lone.receive(99, 2)],
    ["an oversized frame", (lone) => lone.receive(FRAME.open, 2, new Uint8Array(OPEN_MAX_BYTES + 1))],
    ["a stream with this side's parity", (lone) => lone.receive(FRAME.open, 3)],
    [
      "a stream that goes back",
      (lone) => {
        lone.receive(FRAME.open, 8);
        lone.receive(FRAME.open, 6);
      },
    ],
    [
      "a stream that is open already",
      (lone) => {
        lone.receive(FRAME.open, 2);
        lone.receive(FRAME.open, 2);
      },
    ],
    ["data for a stream that was never opened", (lone) => lone.receive(FRAME.data, 2, bytesOf("x"))],
    [
      "a reset of this side's stream before it is opened",
      (lone) => lone.receive(FRAME.reset, 1, new Uint8Array(2)),
    ],
    [
      "data after its end",
      (lone) => {
        lone.receive(FRAME.open, 2);
        lone.receive(FRAME.finish, 2);
        lone.receive(FRAME.data, 2, bytesOf("x"));
      },
    ],
    [
      "two ends",
      (lone) => {
        lone.receive(FRAME.open, 2);
        lone.receive(FRAME.finish, 2);
        lone.receive(FRAME.finish, 2);
      },
    ],
    [
      "a flag after its end",
      (lone) => {
        lone.receive(FRAME.open, 2);
        lone.receive(FRAME.finish, 2);
        lone.receive(FRAME.flag, 2);
      },
    ],
    [
      "credit of nothing",
      (lone) => {
        lone.receive(FRAME.open, 2);
        lone.receive(FRAME.window, 2, u32(0));
      },
    ],
    [
      "credit beyond reason",
      (lone) => {
        lone.receive(FRAME.open, 2);
        lone.receive(FRAME.window, 2, u32(0xffff_ffff));
      },
    ],
    [
      "more data than its credit",
      (lone) => {
        lone.log.accept = (stream, log) => {
          stream.pause();
          return log;
        };
        lone.receive(FRAME.open, 2);
        lone.receive(FRAME.data, 2, new Uint8Array(FIRST_CREDIT_BYTES));
        expect(lone.trunk.isOpen).toBe(true);
        lone.receive(FRAME.data, 2, new Uint8Array(1));
      },
    ],
    ["a short piece of a message", (lone) => lone.receive(FRAME.message, 1, bytesOf("x"))],
  ];
  for (const [name, play] of cases) {
    test(name, () => {
      const lone = new LoneTrunk();
      play(lone);
      expect(lone.log.endedBy).toMatchObject({ code: "protocol_error", remote: false });
      expect(lone.log.told.filter((event) => event.startsWith("closed"))).toHaveLength(1);
      const last = lone.sent.at(-1);
      expect(last?.type).toBe(FRAME.goaway);
      expect(textOf(last?.payload ?? NO_BYTES)).toStartWith("protocol_error ");
      expect(lone.shut).toBe(true);
      lone.time.advance(1_000);
      expect(lone.dropped).toBe(true);
      expect(lone.time.pendingTimers).toBe(0);
    });
  }

  test("nothing of the same bytes is looked at after it", () => {
    const lone = new LoneTrunk();
    const frames = [encodeFrame(99, 1, NO_BYTES), encodeFrame(FRAME.message, 0, bytesOf("late"))];
    lone.trunk.wire.data(Buffer.concat(frames));
    lone.trunk.wire.data(encodeFrame(FRAME.message, 0, bytesOf("later")));
    expect(lone.log.told).toEqual(["closed protocol_error"]);
  });
});

describe("frames that come late for a stream that is gone are passed over:", () => {
  for (const [name, type, payload] of [
    ["data", FRAME.data, bytesOf("x")],
    ["credit", FRAME.window, u32(5)],
    ["its end", FRAME.finish, NO_BYTES],
    ["its reset", FRAME.reset, new Uint8Array(2)],
  ] as const) {
    test(name, () => {
      const lone = new LoneTrunk();
      openStream(lone).stream.close();
      lone.receive(type, 1, payload);
      expect(lone.trunk.isOpen).toBe(true);
    });
  }
});

describe("a far side that does not read", () => {
  test("cannot make the answers to its pings pile up without bound", () => {
    const lone = new LoneTrunk();
    lone.roomBytes = 0;
    const ping = encodeFrame(FRAME.ping, 0, new Uint8Array(8));
    const many = new Uint8Array(Buffer.concat(Array.from({ length: 4096 }, () => ping)));
    for (let count = 0; count < 80 && lone.trunk.isOpen; count += 1) {
      lone.trunk.wire.data(many);
      lone.time.settle();
      expect(lone.trunk.queuedBytes).toBeLessThanOrEqual(CONTROL_MAX_BYTES);
    }
    expect(lone.log.endedBy).toEqual({ code: "lost", reason: "the far side does not read", remote: false });
    expect(lone.dropped).toBe(true);
  });

  test("gets no new streams once much waits for it", () => {
    const lone = new LoneTrunk();
    lone.roomBytes = 0;
    lone.trunk.message(new Uint8Array(PROVEN_MESSAGE_MAX_BYTES));
    expect(lone.trunk.open(NO_BYTES, new StreamLog())).toBe("blocked");
    expect(lone.trunk.isOpen).toBe(true);
  });
});
