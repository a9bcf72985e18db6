import { expect, test } from "bun:test";
import { capabilityAsked, capabilityOffer, serves } from "./capabilities.ts";

const chat = (version: string) => ({ protocol: "llm.chat", version });

test.each([
  ["1.0.0", "1.0.0", true],
  ["1.4.2", "1.0.0", true],
  ["1.0.0", "1.0.1", false],
  ["1.2.9", "1.3.0", false],
  ["2.0.0", "1.0.0", false],
  ["0.3.5", "0.3.1", true],
  ["0.4.0", "0.3.1", false],
  ["0.0.4", "0.0.3", false],
  ["0.0.3", "0.0.3", true],
])("%s offered, %s asked: %p", (offered, asked, expected) => {
  expect(serves(chat(offered), chat(asked))).toBe(expected);
});

test("another protocol never serves", () => {
  expect(serves({ protocol: "llm.chats", version: "1.0.0" }, chat("1.0.0"))).toBe(false);
});

test.each(["llm.chat", "embeddings", "proxy.http", "a-b.c1"])("%s is a protocol", (protocol) => {
  expect(capabilityAsked.safeParse({ protocol, version: "1.0.0" }).success).toBe(true);
});

test.each(["", "LLM", ".chat", "llm..chat", "llm chat", "1llm", "llm/chat", "ü"])(
  "%p is no protocol",
  (protocol) => {
    expect(capabilityAsked.safeParse({ protocol, version: "1.0.0" }).success).toBe(false);
  },
);

test.each(["1", "1.0", "01.0.0", "1.0.0-beta", "^1.0.0", "1.0.0.0"])("%p is no version", (version) => {
  expect(capabilityAsked.safeParse(chat(version)).success).toBe(false);
});

test("an unknown class reads as control", () => {
  expect(capabilityOffer.parse({ ...chat("1.0.0"), class: "harmless" }).class).toBe("control");
});
