// The sending half of a sealed session: a bounded queue of records, sealed one after another in the order they
// came, and written as far as the stream takes them.

import { concat } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { ByteStream } from "../../world/world.ts";
import type { NoiseCipher } from "./noise-cipher.ts";
import { framed, LENGTH_BYTES, withLength } from "./record-reader.ts";
import { RECORD, RECORD_PAYLOAD_MAX_BYTES } from "./records.ts";
import type { RecordType } from "./records.ts";

/** Above this `send` says false. Enough that a disk and a network work at the same time. */
const QUEUE_HIGH_BYTES = 256 * 1024;
/** Above this `send` throws: whoever comes here does not listen. */
const QUEUE_MAX_BYTES = 4 * 1024 * 1024;

export interface RecordSenderOptions {
  rekeyRecords: number;
  drain(): void;
  /** Everything has gone to the stream. */
  sent(): void;
  failed(problem: MusterError): void;
}

export class RecordSender {
  readonly #stream: ByteStream;
  readonly #options: RecordSenderOptions;
  #cipher: NoiseCipher | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Sealed and framed, not yet taken by the stream. */
  #unwritten: Uint8Array | undefined;
  /** Of the queue's bytes, those that are in it. */
  #unwrittenBytes = 0;
  #recordsOfKey = 0;
  #rekeyDue = false;
  #owesDrain = false;
  #flushing = false;
  #stopped = false;

  constructor(stream: ByteStream, options: RecordSenderOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  get roomBytes(): number {
    return Math.max(0, QUEUE_HIGH_BYTES - this.#queuedBytes);
  }

  get isEmpty(): boolean {
    return !this.#flushing && this.#queue.length === 0 && this.#unwritten === undefined;
  }

  /** Not sealed: the handshake's own messages. The stream has room for the first hundred bytes of a session. */
  writeHandshake(message: Uint8Array): void {
    this.#unwritten = framed(message);
    this.flush();
  }

  /** From here on records are sealed; `first` goes before what was queued meanwhile. */
  start(cipher: NoiseCipher, first?: RecordType): void {
    this.#cipher = cipher;
    if (first !== undefined) this.#queue.unshift(Uint8Array.of(first));
    if (first !== undefined) this.#queuedBytes += 1;
    this.flush();
  }

  /** False: taken, but wait for `drain`. Throws `too_many` beyond all patience. */
  queueMessage(parts: readonly Uint8Array[]): boolean {
    if (this.#queuedBytes > QUEUE_MAX_BYTES) {
      throw new MusterError("too_many", "cannot send: the session is slow, and too much waits already");
    }
    let length = 0;
    for (const part of parts) length += part.length;
    if (length <= RECORD_PAYLOAD_MAX_BYTES) this.#add(concat(Uint8Array.of(RECORD.last), ...parts));
    else this.#addInPieces(concat(...parts));
    this.flush();
    this.#owesDrain = this.#queuedBytes >= QUEUE_HIGH_BYTES;
    return !this.#owesDrain;
  }

  queue(type: RecordType): void {
    this.#add(Uint8Array.of(type));
    this.flush();
  }

  /** The next key, if this one has sealed anything. */
  rekeySoon(): void {
    this.#rekeyDue = this.#recordsOfKey > 0;
    this.flush();
  }

  flush(): void {
    if (this.#flushing || this.#stopped) return;
    this.#flushing = true;
    this.#sealAll().then(
      () => this.#tell(),
      (thrown: unknown) => this.#options.failed(publicError(thrown)),
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#unwritten = undefined;
    this.#cipher = undefined;
  }

  #addInPieces(message: Uint8Array): void {
    for (let at = 0; at < message.length;) {
      const end = at + RECORD_PAYLOAD_MAX_BYTES;
      const type = end < message.length ? RECORD.part : RECORD.last;
      this.#add(concat(Uint8Array.of(type), message.subarray(at, end)));
      at = end;
    }
  }

  #add(record: Uint8Array): void {
    this.#queue.push(record);
    this.#queuedBytes += record.length;
  }

  async #sealAll(): Promise<void> {
    try {
      while (this.#writeOut()) {
        const cipher = this.#cipher;
        if (cipher === undefined) break;
        if (this.#isRekeyDue()) await this.#rekey(cipher);
        else {
          const record = this.#queue.shift();
          if (record === undefined) break;
          await this.#seal(cipher, record);
        }
      }
    } finally {
      // In the same turn as the last look at the queue: nobody can add to it unseen in between.
      this.#flushing = false;
    }
  }

  /** Never after the last record: nothing follows `end`. */
  #isRekeyDue(): boolean {
    return this.#rekeyDue || (this.#recordsOfKey >= this.#options.rekeyRecords && this.#queue.length > 0);
  }

  async #seal(cipher: NoiseCipher, record: Uint8Array): Promise<void> {
    this.#recordsOfKey++;
    const sealed = await cipher.sealBehind(LENGTH_BYTES, record);
    if (this.#stopped) return;
    this.#unwritten = withLength(sealed);
    this.#unwrittenBytes = record.length;
  }

  async #rekey(cipher: NoiseCipher): Promise<void> {
    this.#rekeyDue = false;
    this.#recordsOfKey = 0;
    const sealed = await cipher.seal(Uint8Array.of(RECORD.rekey));
    await cipher.rekey();
    if (!this.#stopped) this.#unwritten = framed(sealed);
  }

  /** False when the stream takes no more now, or never again: then its `close` comes. */
  #writeOut(): boolean {
    if (this.#stopped) return false;
    const bytes = this.#unwritten;
    if (bytes === undefined) return true;
    const taken = this.#stream.write(bytes);
    if (taken < 0) return false;
    this.#unwritten = taken < bytes.length ? bytes.subarray(taken) : undefined;
    if (this.#unwritten !== undefined) return false;
    this.#queuedBytes -= this.#unwrittenBytes;
    this.#unwrittenBytes = 0;
    return true;
  }

  #tell(): void {
    if (this.#stopped) return;
    if (this.#owesDrain && this.#queuedBytes < QUEUE_HIGH_BYTES) {
      this.#owesDrain = false;
      this.#options.drain();
    }
    if (this.isEmpty) this.#options.sent();
  }
}
