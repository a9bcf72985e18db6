import { expect, test } from "bun:test";
import { inAskedFormat, inNumbers } from "./embedding-format.ts";

const answer = (embedding: unknown) =>
  JSON.stringify({ object: "list", data: [{ object: "embedding", index: 0, embedding }], model: "m" });
/** 1 and -0.5 as OpenAI's clients read them. */
const IN_BASE64 = Buffer.from(new Float32Array([1, -0.5]).buffer).toString("base64");

test("numbers become base64 where that was asked for, and all else stays", () => {
  expect(inAskedFormat(answer([1, -0.5]), "base64", "gpu")).toBe(answer(IN_BASE64));
  expect(inAskedFormat(answer([]), "base64", "gpu")).toBe(answer(""));
});

test.each([undefined, "float"])("in the format %p an answer passes as it is", (format) => {
  expect(inAskedFormat(answer([1, -0.5]), format, "gpu")).toBe(answer([1, -0.5]));
});

test.each([answer("AACAPw=="), answer(["x"]), '{"data":7}', '{"error":"x"}', "null"])(
  "%s is no list of numbers and stays",
  (payload) => {
    expect(inAskedFormat(payload, "base64", "gpu")).toBe(payload);
  },
);

test("what is no JSON is the device's fault", () => {
  expect(() => inAskedFormat("{", "base64", "gpu")).toThrow("gpu answered what is no JSON");
});

test("and back again", () => {
  expect(inNumbers({ index: 3, embedding: IN_BASE64 })).toEqual({ index: 3, embedding: [1, -0.5] });
  for (const row of [{}, { embedding: "A" }, { embedding: "AAA=" }, { embedding: [1] }, { embedding: "*" }]) {
    expect(inNumbers(row)).toBe(row);
  }
});

test("a large answer is brought over too", () => {
  const numbers = Array.from({ length: 300_000 }, (_, n) => n / 7);
  const changed = JSON.parse(inAskedFormat(answer(numbers), "base64", "gpu"));
  const bytes = Buffer.from(changed.data[0].embedding, "base64");
  expect([bytes.length, bytes.readFloatLE(4 * 7)]).toEqual([1_200_000, 1]);
});
