// The example pairing, messages and session of docs/protocol.md, made anew from the code.
import { expect, test } from "bun:test";
import { toBase64Url, toHex } from "../../src/protocol/bytes.ts";
import { exampleMessages, examplePairing, exampleSession } from "./example-pairing.ts";
import { row } from "./protocol-text.ts";

test("the example pairing is what the code says, byte for byte", async () => {
  const { join, offer, answer, confirm, safety, channel, makerData, joinerData } = await examplePairing();
  expect({
    CI: row("`CI`"),
    ADa: row("`ADa`"),
    ADb: row("`ADb`"),
    join: row("`join`"),
    Ya: row("`Ya`"),
    Yb: row("`Yb`"),
    joiner: [row("`joiner tag`"), row("`joiner signature`")],
    maker: [row("`maker tag`"), row("`maker signature`")],
    words: row("`safety words`"),
  }).toEqual({
    CI: toHex(channel),
    ADa: toHex(makerData),
    ADb: toHex(joinerData),
    join: JSON.stringify(join),
    Ya: offer.share,
    Yb: answer.share,
    joiner: [answer.tag, answer.signature],
    maker: [confirm.tag, confirm.signature],
    words: safety,
  });
});

test("the example message and its acknowledgement are what the code seals", async () => {
  const { message, ack } = await exampleMessages();
  expect(row("`sealed message`")).toBe(toBase64Url(message));
  expect(row("`sealed acknowledgement`")).toBe(toBase64Url(ack));
});

test("the example session begins as the code begins it", async () => {
  const { first, second, hash, start, last } = await exampleSession();
  expect([row("`session 1`"), row("`session 2`"), row("`session hash`")]).toEqual([
    toHex(first),
    toHex(second),
    toHex(hash),
  ]);
  expect([row("`record start`"), row("`record last`")]).toEqual([toHex(start), toHex(last)]);
});
