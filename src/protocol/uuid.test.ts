import { expect, test } from "bun:test";
import { callId } from "./capability-messages.ts";
import { uuidV7 } from "./uuid.ts";

test("the example of RFC 9562, A.6", () => {
  // unix_ts_ms 0x017F22E279B0, rand_a 0xCC3, rand_b 0b01, 0x8C4DC0C0C07398F
  const random = new Uint8Array([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  expect(uuidV7(0x017f22e279b0, random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
});

test("whatever the random bytes, it is a UUID of version 7, and later ones sort behind", () => {
  for (const byte of [0, 0x7f, 0xff]) {
    const random = new Uint8Array(10).fill(byte);
    expect(callId.safeParse(uuidV7(1_800_000_000_000, random)).success).toBe(true);
    expect(uuidV7(1_800_000_000_000, random) < uuidV7(1_800_000_000_001, new Uint8Array(10))).toBe(true);
  }
});
