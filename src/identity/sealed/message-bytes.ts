// The form in which sealed messages and acknowledgements travel and are stored:
//
//   1 (form) ‖ 1 message or 2 acknowledgement ‖ sender[32] ‖ recipient[32] ‖ receive key id[32] ‖ epoch[16]
//   ‖ sequence (u64) ‖ lv(message id) ‖ lv(kind; of a message only) ‖ lv(sealed) ‖ signature[64]
//
// Strict: bytes that another writer would have written differently are refused.

import { concat, fromUtf8, lv, u64, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { HPKE_OVERHEAD_BYTES } from "./hpke.ts";
import type { SealedAck, SealedMessage } from "./message.ts";

const FORM = 1;
const MESSAGE = 1;
const ACK = 2;
const TEXT_MAX_BYTES = 64;
const SEALED_MAX_BYTES = RELAY_MESSAGE_MAX_BYTES + HPKE_OVERHEAD_BYTES;

/** Of the largest one. */
export const SEALED_MESSAGE_MAX_BYTES =
  2 + 3 * 32 + 16 + 8 + 2 * (4 + TEXT_MAX_BYTES) + (4 + SEALED_MAX_BYTES) + 64;

export function formatSealed(message: SealedMessage | SealedAck): Uint8Array {
  return concat(
    Uint8Array.of(FORM, message.type === "message" ? MESSAGE : ACK),
    message.senderKey,
    message.recipientKey,
    message.receiveKeyId,
    message.outboxEpoch,
    u64(message.sequence),
    textBytes(message.messageId),
    ...(message.type === "message" ? [textBytes(message.kind)] : []),
    lv(message.sealed),
    message.signature,
  );
}

/** The parts are copies. Throws `protocol_error`. */
export function parseSealed(bytes: Uint8Array): SealedMessage | SealedAck {
  const rest = new Cursor(bytes);
  const [form, type] = rest.take(2);
  if (form !== FORM || (type !== MESSAGE && type !== ACK)) throw malformed();
  const ends = { senderKey: rest.take(32), recipientKey: rest.take(32), receiveKeyId: rest.take(32) };
  const place = { outboxEpoch: rest.take(16), sequence: rest.takeNumber(), messageId: rest.takeText() };
  const kind = type === MESSAGE ? rest.takeText() : "";
  const sealed = rest.takeSized(SEALED_MAX_BYTES);
  const signature = rest.take(64);
  if (!rest.isEmpty) throw malformed();
  const whole = { ...ends, ...place, sealed, signature };
  return type === MESSAGE ? { type: "message", ...whole, kind } : { type: "ack", ...whole };
}

function textBytes(text: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length === 0 || bytes.length > TEXT_MAX_BYTES) {
    throw new RangeError(`ids and kinds of messages have 1 to ${TEXT_MAX_BYTES} bytes`);
  }
  return lv(bytes);
}

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Uint8Array {
    if (this.#bytes.length - this.#at < length) throw malformed();
    this.#at += length;
    // Not slice(): of a Buffer that would be no copy.
    return new Uint8Array(this.#bytes.subarray(this.#at - length, this.#at));
  }

  takeNumber(): number {
    const value = new DataView(this.take(8).buffer).getBigUint64(0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed();
    return Number(value);
  }

  takeSized(mostBytes: number): Uint8Array {
    const length = new DataView(this.take(4).buffer).getUint32(0);
    if (length > mostBytes) throw malformed();
    return this.take(length);
  }

  takeText(): string {
    const text = fromUtf8(this.takeSized(TEXT_MAX_BYTES));
    if (text === undefined || text === "") throw malformed();
    return text;
  }
}

function malformed(): MusterError {
  return new MusterError("protocol_error", "a sealed message cannot be read");
}
