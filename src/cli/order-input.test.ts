import { expect, test } from "bun:test";
import { MusterError } from "../protocol/errors.ts";
import type { OrderCalls } from "./hub-session.ts";
import { bringInput } from "./order-input.ts";

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

function orders(refusal?: Error) {
  const said: string[] = [];
  const calls: Pick<OrderCalls, "input" | "tell"> = {
    async input(_, bytes) {
      if (refusal !== undefined) throw refusal;
      said.push(new TextDecoder().decode(bytes));
    },
    async tell(_, { type }) {
      said.push(type);
    },
  };
  return { said, calls: calls as OrderCalls }; // what it uses of them
}

function bring(given: ReturnType<typeof orders>, from: AsyncIterable<Uint8Array>) {
  const problems: string[] = [];
  const input = bringInput(given.calls, {
    order: "an order",
    pieces: from,
    failed: ({ message }) => problems.push(message),
  });
  return { input, problems };
}

test("all of it is brought in its order, and then its end", async () => {
  const given = orders();
  const { input, problems } = bring(given, pieces("one", "two"));
  expect(input.isOpen).toBe(true);
  await settled();
  expect(given.said).toEqual(["one", "two", "input_end"]);
  expect([input.isOpen, problems]).toEqual([false, []]);
});

test("a program that ended without reading is no failure", async () => {
  const given = orders(new MusterError("not_found", "that order is not under way any more"));
  const { problems } = bring(given, pieces("one", "two"));
  await settled();
  expect([problems, given.said]).toEqual([[], []]);
});

test("what can't be brought is told, and is not made to look whole", async () => {
  const given = orders(new MusterError("too_large", "the body is too large"));
  const { problems } = bring(given, pieces("one", "two"));
  await settled();
  expect(problems).toEqual(["its input could not be brought to it: the body is too large"]);
  expect(given.said).toEqual([]);
});

test("once it is stopped nothing more is brought, its end neither", async () => {
  const given = orders();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { input, problems } = bring(
    given,
    (async function* () {
      yield new TextEncoder().encode("one");
      await promise;
      yield new TextEncoder().encode("two");
    })(),
  );
  await settled();
  input.stop();
  resolve();
  await settled();
  expect([given.said, problems, input.isOpen]).toEqual([["one"], [], false]);
});
