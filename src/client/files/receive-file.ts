// The receiving end of one file: says how much of it is here, durably, takes the rest, and keeps the whole only if
// its hash is the sender's. Nothing that a sender says is believed: not its size, not its place, not its name.
import { MusterError, publicError } from "../../protocol/errors.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { FileChannel } from "./file-channel.ts";
import { hashPrefix, type RunningHash, type StartHash } from "./running-hash.ts";
import type { FileOffer } from "./send-file.ts";

/** Where one file is put. Calls come one after the other. */
export interface FileSink {
  /** Bytes that an earlier session brought, durably. */
  readonly held: number;
  /** Of those. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Forgets them. */
  restart(): Promise<void>;
  /** Behind what is there. Throws `storage_full`. */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** It is whole: durable, and in the inbox once, when this resolves. */
  keep(sha256: string): Promise<void>;
  /** This session is over; what was written waits for the next. Safe to repeat. */
  close(): Promise<void>;
}

/** What an offer leads to: a place for it, or the hash of what has come under this id before. */
export type TakenOffer = { sink: FileSink } | { kept: string };

export interface ReceiveFile {
  /** Throws what the sender is refused with. */
  take(offer: FileOffer): Promise<TakenOffer>;
  startHash: StartHash;
  /** So many bytes have been written, counted from the file's beginning. */
  moved(bytes: number): void;
}

/** Rejects with what ended it; the peer has been told. */
export async function receiveFile(channel: FileChannel, host: ReceiveFile): Promise<void> {
  try {
    await channel.opened();
    const { id, name, size } = await channel.expect("offer");
    const taken = await host.take({ id, name, size });
    const sha256 = "kept" in taken ? taken.kept : await receiveInto(channel, { ...host, ...taken, size });
    channel.say({ type: "kept", sha256 });
    await channel.finish();
  } catch (error) {
    const problem = publicError(error);
    await channel.refuse(problem);
    throw problem;
  }
}

type Receiving = ReceiveFile & { sink: FileSink; size: number };

async function receiveInto(channel: FileChannel, receiving: Receiving): Promise<string> {
  const { sink } = receiving;
  try {
    const hash = await agree(channel, receiving);
    const said = await takeBytes(channel, receiving, hash);
    const sha256 = toBase64Url(hash.hash.digest());
    if (sha256 !== said) {
      await sink.restart();
      throw new MusterError("invalid", "the file did not arrive as it was sent: its checksum differs");
    }
    await sink.keep(sha256);
    return sha256;
  } finally {
    await sink.close();
  }
}

/** Where to go on, once both ends have hashed what is here. */
async function agree(
  channel: FileChannel,
  { sink, startHash, moved }: Receiving,
): Promise<{ hash: RunningHash; at: number }> {
  let hash = startHash();
  let held = sink.held;
  if (held > 0 && !(await hashPrefix(hash, held, (position, length) => sink.read(position, length)))) {
    await sink.restart();
    hash = startHash();
    held = 0;
  }
  channel.say({ type: "held", bytes: held, sha256: toBase64Url(hash.digest()) });
  const { at } = await channel.expect("begin");
  if (at !== held && at !== 0) {
    throw new MusterError("protocol_error", `the sender begins at ${at}, where ${held} bytes are held`);
  }
  moved(at);
  if (at === held) return { hash, at };
  await sink.restart();
  return { hash: startHash(), at: 0 };
}

/** Returns the hash that the sender names at the end. */
async function takeBytes(
  channel: FileChannel,
  { sink, size, moved }: Receiving,
  { hash, at: start }: { hash: RunningHash; at: number },
): Promise<string> {
  let at = start;
  for (;;) {
    const came = await channel.next();
    if (!Array.isArray(came)) {
      if (came.type !== "finish" || at !== size) {
        throw new MusterError("protocol_error", `the sender ended after ${at} of ${size} bytes`);
      }
      return came.sha256;
    }
    for (const piece of came) {
      at += piece.length;
      hash.update(piece);
    }
    if (at > size) {
      throw new MusterError("protocol_error", `the sender sent more than the ${size} bytes it had offered`);
    }
    await sink.write(came);
    moved(at);
  }
}
