// An ad-hoc code signature for a program of x86_64 macOS. The compiler puts one into those for arm64; in these
// it leaves the runtime's own, which what was put in has broken, and macOS may end a program for that.
//
// The form is Apple's: one CodeDirectory (version 0x20400) in a SuperBlob at the end of __LINKEDIT, with a
// SHA-256 for each page of 4 KiB up to where the signature begins (xnu, osfmk/kern/cs_blobs.h).
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

const MACH_O_64 = 0xfeedfacf;
const CPU_X86_64 = 0x01000007;
const SEGMENT_64 = 0x19;
const CODE_SIGNATURE = 0x1d;
const HEADER_BYTES = 32;
const IDENTIFIER = "muster\0";
const PAGE_BYTES = 4096;
const PAGE_SHIFT = 12;
const SEGMENT_ALIGN = 0x4000;
const HASH_BYTES = 32;
const SUPER_BLOB_BYTES = 20;
const DIRECTORY_BYTES = 88;
const AD_HOC_LINKER_SIGNED = 0x20002;
const SHA256 = 2;
const MAIN_BINARY = 1;

/** Leaves any other file as it is. */
export async function signMachO(path: string): Promise<void> {
  const file = await readFile(path);
  if (file.length < HEADER_BYTES || file.readUInt32LE(0) !== MACH_O_64) return;
  if (file.readUInt32LE(4) === CPU_X86_64) await writeFile(path, signed(file));
}

interface Places {
  text: number;
  linkEdit: number;
  signature: number;
}

export function signed(file: Buffer): Buffer {
  const { text, linkEdit, signature } = placesIn(file);
  const codeLimit = file.readUInt32LE(signature + 8);
  const pages = Math.ceil(codeLimit / PAGE_BYTES);
  const size = SUPER_BLOB_BYTES + DIRECTORY_BYTES + IDENTIFIER.length + pages * HASH_BYTES;
  const code = Buffer.from(file.subarray(0, codeLimit));
  // What the signature's size changes is itself signed.
  code.writeUInt32LE(size, signature + 12);
  const segmentSize = codeLimit - Number(code.readBigUInt64LE(linkEdit + 40)) + size;
  code.writeBigUInt64LE(BigInt(segmentSize), linkEdit + 48);
  code.writeBigUInt64LE(BigInt(Math.ceil(segmentSize / SEGMENT_ALIGN) * SEGMENT_ALIGN), linkEdit + 32);
  const textSize = code.readBigUInt64LE(text + 48);
  return Buffer.concat([code, blob(code, { size, pages, textSize })]);
}

function blob(
  code: Buffer,
  { size, pages, textSize }: { size: number; pages: number; textSize: bigint },
): Buffer {
  const out = Buffer.alloc(size);
  [0xfade0cc0, size, 1, 0, SUPER_BLOB_BYTES].forEach((word, index) => out.writeUInt32BE(word, index * 4));
  const directory = out.subarray(SUPER_BLOB_BYTES);
  const hashes = DIRECTORY_BYTES + IDENTIFIER.length;
  const words = [
    0xfade0c02,
    directory.length,
    0x20400,
    AD_HOC_LINKER_SIGNED,
    hashes,
    DIRECTORY_BYTES,
    0,
    pages,
    code.length,
  ];
  words.forEach((word, index) => directory.writeUInt32BE(word, index * 4));
  directory.set([HASH_BYTES, SHA256, 0, PAGE_SHIFT], 36);
  directory.writeBigUInt64BE(textSize, 72);
  directory.writeBigUInt64BE(BigInt(MAIN_BINARY), 80);
  directory.write(IDENTIFIER, DIRECTORY_BYTES, "latin1");
  for (let page = 0; page < pages; page += 1) {
    const bytes = code.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    createHash("sha256")
      .update(bytes)
      .digest()
      .copy(directory, hashes + page * HASH_BYTES);
  }
  return out;
}

/** Where the load commands are that name the code, the last segment and the signature. */
function placesIn(file: Buffer): Places {
  const found = new Map<string, number>();
  let at = HEADER_BYTES;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const kind = file.readUInt32LE(at);
    if (kind === SEGMENT_64) found.set(file.toString("latin1", at + 8, at + 24).replace(/\0.*$/, ""), at);
    if (kind === CODE_SIGNATURE) found.set("signature", at);
    at += file.readUInt32LE(at + 4);
  }
  const [text, linkEdit, signature] = ["__TEXT", "__LINKEDIT", "signature"].map((name) => found.get(name));
  if (text === undefined || linkEdit === undefined || signature === undefined) {
    throw new Error("the program for macOS has no place for a signature");
  }
  return { text, linkEdit, signature };
}
