// The sending end of one file: offers it, begins where the receiver's durable bytes end, and is done when the
// receiver has said that it keeps the whole. Everything may be cut at any point and begun again with the same id.
import { equalBytes, fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { PIECE_MAX_BYTES } from "../../protocol/file-messages.ts";
import type { FileChannel } from "./file-channel.ts";
import { hashPrefix, READ_BYTES, type RunningHash, type StartHash } from "./running-hash.ts";

export interface FileOffer {
  /** The same for every try of one sending. */
  id: string;
  name: string;
  size: number;
}

export interface FileSource {
  /** Up to `length` bytes; none behind the end. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Throws when it is not the file any more that was offered. */
  check(): Promise<void>;
}

export interface SendFile {
  offer: FileOffer;
  source: FileSource;
  startHash: StartHash;
  /** So many bytes have gone, counted from the file's beginning. */
  moved(bytes: number): void;
}

/** Resolves with the file's hash, base64url. Rejects with what ended it; the peer has been told. */
export async function sendFile(channel: FileChannel, file: SendFile): Promise<string> {
  try {
    await channel.opened();
    channel.say({ type: "offer", ...file.offer });
    const answer = await channel.expect("held", "kept");
    const sha256 = answer.type === "kept" ? answer.sha256 : await sendRest(channel, file, answer);
    await channel.finish();
    return sha256;
  } catch (error) {
    const problem = publicError(error);
    await channel.refuse(problem);
    throw problem;
  }
}

async function sendRest(
  channel: FileChannel,
  file: SendFile,
  held: { bytes: number; sha256: string },
): Promise<string> {
  const { hash, at } = await beginning(file, held);
  channel.say({ type: "begin", at });
  await sendFrom(channel, { ...file, hash, at });
  await file.source.check();
  const sha256 = toBase64Url(hash.digest());
  channel.say({ type: "finish", sha256 });
  const kept = await channel.expect("kept");
  if (kept.sha256 === sha256) return sha256;
  throw new MusterError("protocol_error", "the other device keeps another file than was sent");
}

/** Behind what the receiver has, if that is what this file begins with. */
async function beginning(
  { offer, source, startHash }: SendFile,
  held: { bytes: number; sha256: string },
): Promise<{ hash: RunningHash; at: number }> {
  if (held.bytes === 0 || held.bytes > offer.size) return { hash: startHash(), at: 0 };
  const hash = startHash();
  const isThere = await hashPrefix(hash, held.bytes, (position, length) => source.read(position, length));
  const same = isThere && equalBytes(hash.digest(), fromBase64Url(held.sha256) ?? new Uint8Array(0));
  return same ? { hash, at: held.bytes } : { hash: startHash(), at: 0 };
}

/** The next bytes are read while these go. */
async function sendFrom(
  channel: FileChannel,
  { offer, source, hash, at: start, moved }: SendFile & { hash: RunningHash; at: number },
): Promise<void> {
  const read = (at: number): Promise<Uint8Array> => {
    const bytes = source.read(at, Math.min(READ_BYTES, offer.size - at));
    // Looked at in its turn; until then a failure is nobody's.
    bytes.catch(() => {});
    return bytes;
  };
  moved(start);
  let next = read(start);
  for (let at = start; at < offer.size;) {
    const bytes = await next;
    if (bytes.length === 0) throw new MusterError("conflict", `"${offer.name}" has become shorter`);
    const end = at + bytes.length;
    if (end < offer.size) next = read(end);
    hash.update(bytes);
    for (let from = 0; from < bytes.length; from += PIECE_MAX_BYTES) {
      const room = channel.sendPiece(bytes.subarray(from, from + PIECE_MAX_BYTES));
      if (room === undefined) continue;
      moved(Math.min(end, at + from + PIECE_MAX_BYTES));
      await room;
    }
    at = end;
    moved(at);
  }
}
