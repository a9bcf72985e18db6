import { expect, test } from "bun:test";
import { z } from "zod";
import { utf8 } from "../../protocol/bytes.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import { repliesTo } from "./replies.ts";

const reply = z.object({ n: z.number() });

/** A hub that says these at once, and what became of the stream there. */
function asking(...said: object[]) {
  let closed = 0;
  const stream: Partial<TrunkStream> = {
    write: (bytes) => bytes.length,
    pause() {},
    resume() {},
    close: () => void (closed += 1),
  };
  let events: TrunkStreamEvents | undefined;
  const hub = {
    openStream(_: Uint8Array, to: TrunkStreamEvents) {
      events = to;
      return stream as TrunkStream; // what is used of it
    },
  };
  const left = new AbortController();
  const call = {
    kind: "capability",
    request: {},
    reply,
    answers: () => true,
    isLast: ({ n }: { n: number }) => n === 0,
  } as const;
  const replies = repliesTo(hub, call, left.signal);
  const say = (): void => events?.data(utf8(said.map((one) => `${JSON.stringify(one)}\n`).join("")));
  return { replies, say, left, closed: () => closed };
}

test("the stream is over when the last reply is taken, whether or not anybody asks for another", async () => {
  const { replies, say, closed } = asking({ n: 2 }, { n: 0 });
  const first = replies.next();
  say();
  expect(await first).toEqual({ done: false, value: { n: 2 } });
  expect(closed()).toBe(0);
  expect(await replies.next()).toEqual({ done: false, value: { n: 0 } });
  expect(closed()).toBe(1);
  expect(await replies.next()).toMatchObject({ done: true });
  expect(closed()).toBe(1);
});

test("who leaves before the last one ends it too", async () => {
  const { replies, say, closed } = asking({ n: 2 });
  const first = replies.next();
  say();
  await first;
  await replies.return(undefined);
  expect(closed()).toBe(1);
});

test("who is gone while waiting is told, and ends it", async () => {
  const { replies, left, closed } = asking();
  const first = replies.next();
  left.abort();
  const told = await first.catch((error: unknown) => error);
  expect(told).toMatchObject({ code: "unavailable" });
  expect(closed()).toBe(1);
});
