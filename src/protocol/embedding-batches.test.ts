import { expect, test } from "bun:test";
import { askInBatches, textsIn, type BatchAnswer } from "./embedding-batches.ts";

interface Row {
  index: number;
  embedding: unknown;
}
interface Asked {
  input: string[];
  encoding_format: string;
  preferDevice: string | undefined;
}

/** Embeds a text by its length, in numbers whatever it is asked for, as many servers do. */
function embedder(change: (answer: { data: Row[] }, asked: Asked) => unknown = (answer) => answer) {
  const asked: Asked[] = [];
  const ask = async (body: Readonly<Record<string, unknown>>, preferDevice: string | undefined) => {
    const request = { ...body, preferDevice } as unknown as Asked; // as the tests below make it
    asked.push(request);
    const data = request.input.map((text, index) => ({
      object: "embedding",
      index,
      embedding: [text.length],
    }));
    const usage = { prompt_tokens: data.length, total_tokens: data.length };
    const payload = JSON.stringify(change({ data, model: "m", usage } as { data: Row[] }, request));
    return { payload, device: asked.length < 3 ? "gpu" : "pi" };
  };
  return { asked, ask };
}

const texts = (count: number) => Array.from({ length: count }, (_, n) => "x".repeat(n));
const read = ({ payload }: BatchAnswer) =>
  JSON.parse(payload) as { data: Row[]; usage: unknown; model: unknown };
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test("a hundred texts are asked for in four requests and answered as one, in order", async () => {
  const { ask, asked } = embedder();
  const input = texts(100);
  const answer = await askInBatches(ask, { model: "m", input, dimensions: 1 }, input);
  expect(asked.map(({ input: some }) => some.length)).toEqual([32, 32, 32, 4]);
  expect(asked[0]).toMatchObject({ model: "m", dimensions: 1, encoding_format: "base64" });
  const { data, ...rest } = read(answer);
  expect(data.map(({ index, embedding }) => [index, embedding])).toEqual(input.map((_, n) => [n, [n]]));
  expect(rest).toEqual({
    object: "list",
    model: "m",
    usage: { prompt_tokens: 100, total_tokens: 100 },
  } as never); // with its type
});

test("whoever answered is asked first for the rest, and all who did are told", async () => {
  const { ask, asked } = embedder();
  const { device } = await askInBatches(ask, {}, texts(100));
  expect(asked.map(({ preferDevice }) => preferDevice)).toEqual([undefined, "gpu", "gpu", "pi"]);
  expect(device).toBe("gpu,pi");
});

test("base64 stays base64 where that was asked for", async () => {
  const answer = await askInBatches(embedder().ask, { encoding_format: "base64" }, texts(9));
  expect(read(answer).data[1]?.embedding).toBe("AACAPw==");
});

test.each([
  ["fewer", (answer: { data: Row[] }) => ({ data: answer.data.slice(1) })],
  ["none", () => ({ error: "x" })],
  ["what is no row", () => ({ data: Array.from({ length: 9 }, () => 7) })],
] as const)("a device that answers with %s is at fault", async (_, change) => {
  expect(await failure(askInBatches(embedder(change).ask, {}, texts(9)))).toMatchObject({
    code: "app_broken",
    message: expect.stringContaining("gpu"),
  });
});

test("what one request is refused for all are", async () => {
  const ask = () => Promise.reject(new Error("no_device"));
  expect(await failure(askInBatches(ask, {}, texts(9)))).toMatchObject({ message: "no_device" });
});

test("more texts than OpenAI takes are refused, and so is an answer without end", async () => {
  const { ask, asked } = embedder();
  expect(await failure(askInBatches(ask, {}, texts(2049)))).toMatchObject({ code: "invalid" });
  expect(asked).toEqual([]);
  const long = embedder(({ data }) => ({ data: data.map((row) => ({ ...row, more: "x".repeat(30_000) })) }));
  const { ask: talk, asked: talked } = long;
  expect(await failure(askInBatches(talk, {}, texts(2048)))).toMatchObject({ code: "too_large" });
  expect(talked.length).toBeLessThan(20);
});

test.each([
  ["a few texts", false, ["a", "b"]],
  ["one text", false, "a".repeat(100)],
  ["the tokens of one text", false, Array.from({ length: 100 }, () => 7)],
  ["what is no text", false, Array.from({ length: 100 }, () => ({}))],
  ["many texts", true, texts(9)],
  ["the tokens of many texts", true, Array.from({ length: 9 }, () => [1, 2])],
] as const)("%s: in several requests? %p", (_, expected, input) => {
  expect(textsIn(input) !== undefined).toBe(expected);
});
