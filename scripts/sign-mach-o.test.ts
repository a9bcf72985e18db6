import { expect, test } from "bun:test";
import { signed } from "./sign-mach-o.ts";

const CODE_BYTES = 10_000;
const TEXT = 32;
const LINK_EDIT = TEXT + 72;
const SIGNATURE = LINK_EDIT + 72;

/** A program with two segments and a place for a signature that is too small for its own. */
function program(): Buffer {
  const file = Buffer.alloc(CODE_BYTES + 100, 0xa5);
  [0xfeedfacf, 0x01000007, 3, 2, 3, 160, 0, 0].forEach((word, at) => file.writeUInt32LE(word, at * 4));
  for (const [at, name, from, size] of [
    [TEXT, "__TEXT", 0, 8192],
    [LINK_EDIT, "__LINKEDIT", 8192, CODE_BYTES + 100 - 8192],
  ] as const) {
    file.fill(0, at, at + 72);
    file.writeUInt32LE(0x19, at);
    file.writeUInt32LE(72, at + 4);
    file.write(name, at + 8, "latin1");
    file.writeBigUInt64LE(BigInt(from), at + 40);
    file.writeBigUInt64LE(BigInt(size), at + 48);
  }
  [0x1d, 16, CODE_BYTES, 100].forEach((word, at) => file.writeUInt32LE(word, SIGNATURE + at * 4));
  return file;
}

test("each page up to the signature has its hash in it, the last one as long as it is", () => {
  const file = signed(program());
  expect(file.readUInt32LE(SIGNATURE + 8)).toBe(CODE_BYTES);
  expect(file.length).toBe(CODE_BYTES + file.readUInt32LE(SIGNATURE + 12));
  expect(Number(file.readBigUInt64LE(LINK_EDIT + 48))).toBe(file.length - 8192);
  expect(Number(file.readBigUInt64LE(LINK_EDIT + 32)) % 0x4000).toBe(0);
  const blob = file.subarray(CODE_BYTES);
  expect([blob.readUInt32BE(0), blob.readUInt32BE(4)]).toEqual([0xfade0cc0, blob.length]);
  const directory = blob.subarray(blob.readUInt32BE(16));
  expect([directory.readUInt32BE(0), directory.readUInt32BE(4)]).toEqual([0xfade0c02, directory.length]);
  const hashes = directory.readUInt32BE(16);
  expect([directory.readUInt32BE(28), directory.readUInt32BE(32)]).toEqual([3, CODE_BYTES]);
  for (let page = 0; page < 3; page += 1) {
    const bytes = file.subarray(page * 4096, Math.min((page + 1) * 4096, CODE_BYTES));
    const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    expect(directory.toString("hex", hashes + page * 32, hashes + (page + 1) * 32)).toBe(hash);
  }
});

test("signing what is signed changes nothing", () => {
  const once = signed(program());
  expect(signed(once).equals(once)).toBe(true);
});
