import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { MusterError } from "../../protocol/errors.ts";
import { toolFailure, toolResult } from "./tool-result.ts";

/** Of text and structured content each. */
const BOUND = 41_000;
// oxlint-disable-next-line no-control-regex -- what must not be there
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u{e0000}-\u{e007f}]/u;

test("whatever a device says, the answer is bounded, says the same twice, and holds no control characters", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "binary", maxDepth: 4 })),
      (facts) => {
        const { content, structuredContent } = toolResult({ facts });
        expect(JSON.stringify(structuredContent).length).toBeLessThan(BOUND);
        expect(content).toEqual([{ type: "text", text: JSON.stringify(structuredContent) }]);
        visit(structuredContent, (text) => expect(text).not.toMatch(CONTROLS));
      },
    ),
    { seed: 11, numRuns: 100 },
  );
});

test("of a long list the beginning is kept, and how many were left out", () => {
  const items = Array.from({ length: 1000 }, (_, id) => ({ id, title: "x".repeat(200) }));
  const { structuredContent } = toolResult({ facts: { items, answered: ["pi"] } });
  const { items: kept, left_out: leftOut, answered } = Object(structuredContent);
  expect(kept.length + leftOut).toBe(1000);
  expect(kept.length).toBeGreaterThan(100);
  expect(kept[0]).toEqual(items[0]);
  expect(answered).toEqual(["pi"]);
  expect(JSON.stringify(structuredContent).length).toBeLessThan(BOUND);
});

test("a long text is cut where all of it is too long, and says by how much", () => {
  const { structuredContent } = toolResult({
    facts: { answer: { text: "y".repeat(100_000) }, from_device: "pi" },
  });
  expect(structuredContent).toEqual({
    answer: { text: `${"y".repeat(2000)}… (98000 more characters)` },
    from_device: "pi",
  });
});

test("what is long in another way, or too deep, is cut as well", () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`key-${at}`, at]));
  expect(JSON.stringify(toolResult({ facts: { many } }).structuredContent).length).toBeLessThan(BOUND);
  let deep: unknown = 1;
  for (let depth = 0; depth < 20_000; depth++) deep = [deep];
  expect(JSON.stringify(toolResult({ facts: { deep } }).structuredContent).length).toBeLessThan(1000);
});

test("of what was written the end is kept, on lines of its own", () => {
  const { structuredContent } = toolResult({ facts: {}, text: `${"z".repeat(90_000)}\r\n10%\r90%\rdone\n` });
  const { text } = Object(structuredContent);
  expect(text.length).toBe(32 * 1024);
  expect(text.endsWith("z\n10%\n90%\ndone\n")).toBe(true);
  const { content } = toolResult({ facts: { task: "t1" }, text: "\u001b[31mred\u0007\n" });
  expect(content.map((part) => part.type === "text" && part.text)).toEqual(['{"task":"t1"}', "red\n"]);
});

test("a failure has its code and hint; what is internal stays so", () => {
  const refusal = new MusterError("device_offline", "pi\u001b[2J is away\nnow", { hint: "wait" });
  expect(toolFailure(refusal).result).toMatchObject({
    isError: true,
    content: [{ text: "device_offline: pi is away now\nhint: wait" }],
    structuredContent: { error: { code: "device_offline", message: "pi is away now", hint: "wait" } },
  });
  const { result } = toolFailure(new Error("a secret path"));
  expect(JSON.stringify(result)).not.toContain("secret");
  const long = toolFailure(new MusterError("internal", "m".repeat(100_000))).result;
  expect(JSON.stringify(long).length).toBeLessThan(5000);
});

function visit(value: unknown, look: (text: string) => void): void {
  if (typeof value === "string") look(value);
  else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      look(key);
      visit(inner, look);
    }
  }
}
