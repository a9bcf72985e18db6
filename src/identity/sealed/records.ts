// What a sealed record is, by its first byte, and how much one key seals.

import { AEAD_TAG_BYTES } from "./session-crypto.ts";
import { RECORD_MAX_BYTES } from "./record-reader.ts";

export const RECORD = {
  /** The initiator is there now; its first record, empty. */
  start: 0,
  /** A piece of a message, with more to come. */
  part: 1,
  /** The last piece of a message, mostly its only one. */
  last: 2,
  /** Empty; what follows is sealed with the next key. */
  rekey: 3,
  /** Empty; nothing follows. */
  end: 4,
} as const;

export type RecordType = (typeof RECORD)[keyof typeof RECORD];

/** Of one message in one record. */
export const RECORD_PAYLOAD_MAX_BYTES = RECORD_MAX_BYTES - AEAD_TAG_BYTES - 1;

/** 2^20 of at most 64 KiB: 2^32 blocks, as many as AES-GCM bears under one key. */
export const REKEY_RECORDS = 2 ** 20;
