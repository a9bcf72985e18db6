import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { MusterError } from "../../protocol/errors.ts";
import { PIECE_MAX_BYTES } from "../../protocol/file-messages.ts";
import {
  content,
  fileOf,
  join,
  messagesOf,
  outcome,
  piece,
  run,
  say,
  sha256,
  Shelf,
  turns,
  type Ends,
} from "./files.fixture.ts";
import { receiveFile } from "./receive-file.ts";
import { sendFile } from "./send-file.ts";

const BYTES = content(300_000);
const WHOLE = { sent: sha256(BYTES), received: "ok" };

/** Ends the session when so many messages have passed. */
function cutAfter(count: number): Ends {
  let passed = 0;
  return join((_from, bytes, ends) => {
    if (++passed > count) queueMicrotask(() => ends.cut());
    return passed > count ? undefined : bytes;
  });
}

test("a file arrives as it is, once", async () => {
  const shelf = new Shelf();
  expect(await run(join(), fileOf(BYTES), shelf.host())).toEqual(WHOLE);
  expect(shelf.bytes).toEqual(BYTES);
  expect(shelf.inbox).toEqual([sha256(BYTES)]);
  // Its sender was not told: it asks again, and sends nothing.
  expect(await run(join(), fileOf(BYTES), shelf.host())).toEqual(WHOLE);
  expect(shelf.inbox).toHaveLength(1);
  expect(shelf.written).toBe(BYTES.length);
});

test("an empty file is a file", async () => {
  const shelf = new Shelf();
  const nothing = new Uint8Array(0);
  expect(await run(join(), fileOf(nothing), shelf.host())).toEqual({ sent: sha256(nothing), received: "ok" });
  expect(shelf.inbox).toHaveLength(1);
});

test("cut at any message, it goes on where the receiver's bytes end, and comes once", async () => {
  for (let count = 0; ; count++) {
    const shelf = new Shelf();
    const first = await run(cutAfter(count), fileOf(BYTES), shelf.host());
    const before = shelf.bytes.length;
    let begun = -1;
    const again = fileOf(BYTES, { moved: (bytes) => (begun = begun < 0 ? bytes : begun) });
    expect(await run(join(), again, shelf.host())).toEqual(WHOLE);
    expect(shelf.bytes).toEqual(BYTES);
    expect(shelf.inbox).toEqual([sha256(BYTES)]);
    expect(shelf.written).toBe(BYTES.length);
    if (first.sent === WHOLE.sent) break;
    if (begun >= 0) expect(begun).toBe(before);
    expect(count).toBeLessThan(20);
  }
});

test("however often and wherever it is cut, the whole comes once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 12 }), { maxLength: 6 }),
      fc.integer({ min: 0, max: 4 * PIECE_MAX_BYTES }),
      async (cuts, length) => {
        const bytes = content(length);
        const shelf = new Shelf();
        for (const count of cuts) await run(cutAfter(count), fileOf(bytes), shelf.host());
        expect((await run(join(), fileOf(bytes), shelf.host())).sent).toBe(sha256(bytes));
        expect(shelf.bytes).toEqual(bytes);
        expect(shelf.inbox).toHaveLength(1);
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});

test("where the bytes there are not those here, it begins anew", async () => {
  const shelf = new Shelf();
  shelf.bytes = content(70_000, 2);
  expect(await run(join(), fileOf(BYTES), shelf.host())).toEqual(WHOLE);
  expect(shelf.bytes).toEqual(BYTES);
});

test("a file that changes while it goes is not delivered, and both know why", async () => {
  const changed = new MusterError("conflict", "it was changed");
  const check = () => Promise.reject(changed);
  const read = (position: number, length: number) =>
    Promise.resolve(BYTES.slice(position, position + length));
  const shelf = new Shelf();
  const both = { sent: "conflict", received: "conflict" };
  expect(await run(join(), fileOf(BYTES, { source: { read, check } }), shelf.host())).toEqual(both);
  const shorter = fileOf(BYTES, { offer: { ...fileOf(BYTES).offer, size: BYTES.length + 1 } });
  expect(await run(join(), shorter, new Shelf().host())).toEqual(both);
  expect(shelf.inbox).toEqual([]);
});

test("what a slow disk has not written is not sent on and on", async () => {
  const shelf = new Shelf();
  let release = (): void => {};
  shelf.slow = () => new Promise((resolve) => (release = resolve));
  const bytes = content(16 * 1024 * 1024);
  const ends = join();
  ends.fromSender.roomMessages = 4;
  let sent = 0;
  const going = run(ends, fileOf(bytes, { moved: (moved) => (sent = moved) }), shelf.host());
  await turns(200);
  expect(shelf.written).toBe(0);
  // What is being written, and as much that waits for it.
  expect(sent).toBeLessThan(9 * 1024 * 1024);
  shelf.slow = undefined;
  release();
  expect((await going).received).toBe("ok");
  expect(shelf.largestWrite).toBeLessThan(6 * 1024 * 1024);
});

describe("a side that says nothing", () => {
  test("is given up after a minute, and is told that the other works", async () => {
    const ends = join((from, bytes) => (from === "receiver" ? undefined : bytes));
    const sent = outcome(sendFile(ends.sender, fileOf(BYTES)));
    await turns();
    ends.time.advance(59_000);
    await turns();
    expect(messagesOf(ends.fromSender).map(({ type }) => type)).toEqual(["offer"]);
    ends.time.advance(2_000);
    expect(await sent).toBe("session_cut");
  });

  test("is waited for while it is busy with its disk, and not for ever", async () => {
    const ends = join();
    const host = { ...new Shelf().host(), take: () => new Promise<never>(() => {}) };
    void outcome(receiveFile(ends.receiver, host).then(() => "ok"));
    let ended = "";
    void outcome(sendFile(ends.sender, fileOf(BYTES))).then((code) => (ended = code));
    for (let minutes = 0; minutes < 59; minutes++) {
      for (let tick = 0; tick < 4; tick++) {
        ends.time.advance(15_000);
        await turns(1);
      }
    }
    expect(ended).toBe("");
    for (let tick = 0; tick < 12; tick++) {
      ends.time.advance(15_000);
      await turns(1);
    }
    expect(ended).toBe("session_cut");
  });
});

describe("a hostile sender", () => {
  const OFFER = { type: "offer", id: "an-id-of-sixteen-characters", name: "x", size: 10 } as const;

  /** What the receiver is left with after these; the code that it ended with. */
  async function against(play: (ends: Ends) => void, shelf = new Shelf()): Promise<string> {
    const ends = join();
    const received = outcome(receiveFile(ends.receiver, shelf.host()).then(() => "ok"));
    play(ends);
    await turns();
    ends.fromSender.end();
    const code = await received;
    expect(shelf.inbox).toEqual([]);
    return code;
  }
  const begin = (ends: Ends, at = 0): void => {
    say(ends.fromSender, OFFER);
    say(ends.fromSender, { type: "begin", at });
  };

  test.each<[string, (ends: Ends) => void]>([
    ["sends more than it offered", (ends) => (begin(ends), ends.fromSender.send(piece(content(11))))],
    [
      "ends before it has sent all",
      (ends) => (begin(ends), say(ends.fromSender, { type: "finish", sha256: sha256(BYTES) })),
    ],
    ["begins where nothing is held", (ends) => begin(ends, 5)],
    [
      "sends bytes before it begins",
      (ends) => (say(ends.fromSender, OFFER), ends.fromSender.send(piece(content(3)))),
    ],
    ["sends bytes before it offers", (ends) => ends.fromSender.send(piece(content(3)))],
    ["offers twice", (ends) => (say(ends.fromSender, OFFER), say(ends.fromSender, OFFER))],
    ["sends pieces without bytes", (ends) => (begin(ends), ends.fromSender.send(piece(new Uint8Array(0))))],
    [
      "sends what is no message",
      (ends) => ends.fromSender.send(new TextEncoder().encode('{"type":"offer"}')),
    ],
    [
      "offers a size that is none",
      (ends) => ends.fromSender.send(new TextEncoder().encode(JSON.stringify({ ...OFFER, size: -1 }))),
    ],
    [
      "offers under an id that is a path",
      (ends) =>
        ends.fromSender.send(
          new TextEncoder().encode(JSON.stringify({ ...OFFER, id: "../../../etc/passwd" })),
        ),
    ],
  ])("%s: it ends, and nothing is kept", async (_what, play) => {
    expect(await against(play)).toBe("protocol_error");
  });

  test("names another hash than its bytes have: nothing is kept, not even for the next time", async () => {
    const shelf = new Shelf();
    const code = await against((ends) => {
      begin(ends);
      ends.fromSender.send(piece(content(10)));
      say(ends.fromSender, { type: "finish", sha256: sha256(BYTES) });
    }, shelf);
    expect(code).toBe("invalid");
    expect(shelf.bytes).toHaveLength(0);
  });

  test("leaves after the offer: what was held stays", async () => {
    const shelf = new Shelf();
    shelf.bytes = content(4);
    expect(await against((ends) => say(ends.fromSender, OFFER), shelf)).toBe("session_cut");
    expect(shelf.bytes).toEqual(content(4));
  });
});

describe("a hostile receiver", () => {
  async function against(play: (ends: Ends) => void | Promise<void>): Promise<string> {
    const ends = join();
    const sent = outcome(sendFile(ends.sender, fileOf(BYTES)));
    await turns(2);
    await play(ends);
    await turns();
    ends.fromReceiver.end();
    return sent;
  }

  test("holds more than there is, or other bytes: it is sent the whole", async () => {
    for (const bytes of [BYTES.length + 1, Number.MAX_SAFE_INTEGER, 1000]) {
      const ends = join();
      const sent = outcome(sendFile(ends.sender, fileOf(BYTES)));
      say(ends.fromReceiver, { type: "held", bytes, sha256: sha256(content(3)) });
      await turns();
      expect(messagesOf(ends.fromSender)).toContainEqual({ type: "begin", at: 0 });
      ends.cut();
      expect(await sent).toBe("session_cut");
    }
  });

  test("keeps another file than was sent", async () => {
    const code = await against(async (ends) => {
      say(ends.fromReceiver, { type: "held", bytes: 0, sha256: sha256(new Uint8Array(0)) });
      await turns();
      say(ends.fromReceiver, { type: "kept", sha256: sha256(content(3)) });
    });
    expect(code).toBe("protocol_error");
  });

  test("leaves without a word of having it: it is not delivered", async () => {
    const code = await against((ends) =>
      say(ends.fromReceiver, { type: "held", bytes: 0, sha256: sha256(new Uint8Array(0)) }),
    );
    expect(code).toBe("session_cut");
  });

  test("refuses, in its own words", async () => {
    const ends = join();
    const full = new MusterError("storage_full", "no room");
    const host = { ...new Shelf().host(), take: () => Promise.reject(full) };
    expect(await run(ends, fileOf(BYTES), host)).toEqual({ sent: "storage_full", received: "storage_full" });
    expect(ends.sender.refusedByPeer).toBe(true);
    expect(ends.receiver.refusedByPeer).toBe(false);
  });
});
