import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { eventStream } from "./event-stream.ts";

type Named = { event: string; data: object };

function stream(events: (left: AbortSignal) => AsyncGenerator<Named>) {
  const timers = new FakeTime();
  const gone = new AbortController();
  const reader = eventStream(events(gone.signal), { timers, gone }).getReader();
  const decoder = new TextDecoder();
  const next = async (): Promise<string | undefined> => decoder.decode((await reader.read()).value);
  return { timers, reader, next };
}

test("while nothing comes a comment does each second, and no event is lost by it", async () => {
  const { promise, resolve } = Promise.withResolvers<Named>();
  const { timers, next } = stream(async function* () {
    yield await promise;
  });
  for (let n = 0; n < 2; n++) {
    const said = next();
    await Bun.sleep(0);
    timers.advance(1000);
    expect(await said).toBe(": waiting\n\n");
  }
  const said = next();
  resolve({ event: "part", data: { a: 1 } });
  expect(await said).toBe('event: part\ndata: {"a":1}\n\n');
  expect(await next()).toBe("");
});

test("what fails is the last event", async () => {
  const { next } = stream(async function* () {
    yield { event: "part", data: {} };
    throw new MusterError("unavailable", "it broke off");
  });
  await next();
  expect(await next()).toBe('event: error\ndata: {"code":"unavailable","message":"it broke off"}\n\n');
  expect(await next()).toBe("");
});

test("a reader that leaves ends what it waits for", async () => {
  let isOver = false;
  const { reader } = stream(async function* (left) {
    try {
      yield { event: "part", data: {} };
      await new Promise((resolve) => left.addEventListener("abort", resolve));
    } finally {
      isOver = true;
    }
  });
  await reader.read();
  const waits = reader.read();
  await Bun.sleep(0);
  await reader.cancel();
  await waits;
  expect(isOver).toBe(true);
});
