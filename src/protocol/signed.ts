// Every signature of the protocol, and exactly what it covers. No other file composes bytes to be signed.
//
//   bytes = lv("muster/v1/<purpose>") ‖ lv(field) ‖ lv(field) ‖ …
//   lv(x) = length of x in four bytes, big endian, then x
//
// The fields of a purpose are those below, all of them, in this order. Text is UTF-8, a number is eight bytes
// big endian, a list of keys is the lv of each. Since every part carries its length and the purpose comes
// first, no bytes of one purpose, or of one set of fields, are ever those of another.
//
// A field list never changes: a new one is a new purpose, or muster/v2.

import { concat, lv, u64, utf8 } from "./bytes.ts";
import { MusterError } from "./errors.ts";

const TEXT_MAX_BYTES = 512;
/** As many as an owner log can name. */
const KEYS_MAX = 4096;

const text = { type: "text" } as const;
const number = { type: "number" } as const;
const keyList = { type: "keys" } as const;
/** Ed25519 and X25519 public keys. */
const key = { type: "bytes", least: 32, most: 32 } as const;
const nonce = { type: "bytes", least: 32, most: 32 } as const;
/** SHA-256. */
const digest = { type: "bytes", least: 32, most: 32 } as const;

/** How a connection introduces itself; each may do different things. */
export const SESSION_KINDS = ["register", "attach", "guest", "person"] as const;
export type SessionKind = (typeof SESSION_KINDS)[number];

/** What device and hub both sign when a session starts, each under its own purpose. */
const handshake = {
  sessionKind: { type: "choice", of: SESSION_KINDS },
  protocol: number,
  hubKey: key,
  hubNonce: nonce,
  deviceNonce: nonce,
  deviceKey: key,
  /** Stored before dialling, higher each time; 0 where sessions are not fenced (attach, guest, person). */
  session: number,
  /** Scheme, host and port that the device dialled, in the form of `dialledAddress`. */
  dialled: text,
  /** The TLS exporter, or nothing. */
  binding: { type: "bytes", least: 0, most: 64 },
} as const;

export const SIGNED_FIELDS = {
  /** A device, client, guest or browser proves its key to the hub. */
  register: handshake,
  /** The hub answers in kind. */
  hub: handshake,
  /** Either side of a pairing, over the transcript (SHA-512) of the exchange. */
  pair: {
    role: { type: "choice", of: ["maker", "joiner"] },
    transcript: { type: "bytes", least: 64, most: 64 },
  },
  /** A sealed message, by its sender. */
  message: {
    senderKey: key,
    recipientKey: key,
    receiveKeyId: digest,
    outboxEpoch: { type: "bytes", least: 16, most: 16 },
    sequence: number,
    messageId: text,
    kind: text,
    sealedHash: digest,
  },
  /** The recipient has a message for good; `sealedHash` is of the acknowledgement's own sealed part. */
  ack: {
    senderKey: key,
    recipientKey: key,
    receiveKeyId: digest,
    outboxEpoch: { type: "bytes", least: 16, most: 16 },
    sequence: number,
    messageId: text,
    sealedHash: digest,
  },
  /** A controller orders; `requestHash` covers the whole request. */
  command: {
    logId: digest,
    signerKey: key,
    deviceKey: key,
    sessionHash: digest,
    number,
    commandId: text,
    kind: text,
    requestHash: digest,
  },
  /** The device says how a command ended. */
  outcome: {
    logId: digest,
    signerKey: key,
    deviceKey: key,
    commandId: text,
    requestHash: digest,
    outcomeHash: digest,
  },
  /** An entry of an owner log. Its SHA-256 is the entry's hash; entry 0 has zeros for log and previous. */
  log: {
    log: digest,
    number,
    previous: digest,
    kind: text,
    body: { type: "bytes", least: 2, most: 16 * 1024 },
    by: key,
  },
  /** A device takes its place. Invite 0 means a registration code: entry 0 of a log is never an invite. */
  claim: {
    logId: digest,
    invite: number,
    publicKey: key,
    linkKey: key,
    sshHostKeysHash: digest,
    name: text,
    kind: text,
    platform: text,
    hubKey: key,
  },
  /** A controller asks what devices hold. No keys means every device of the log. */
  query: {
    logId: digest,
    signerKey: key,
    queryId: text,
    queryType: text,
    paramsHash: digest,
    devices: keyList,
  },
  /** A device asks another one to compute. */
  request: {
    logId: digest,
    callerKey: key,
    requestId: text,
    capability: text,
    version: text,
    payloadHash: digest,
  },
  /** Lets one visitor through one gateway, once. `expiresAt` is in milliseconds since the epoch. */
  ticket: { share: text, host: text, visitor: text, nonce, expiresAt: number },
  /** `releasedAt` is in milliseconds since the epoch. */
  release: { version: text, releasedAt: number, manifestHash: digest },
} as const satisfies Record<string, Record<string, Field>>;

export type Purpose = keyof typeof SIGNED_FIELDS;

type Field =
  | { readonly type: "text" | "number" | "keys" }
  | { readonly type: "choice"; readonly of: readonly string[] }
  | { readonly type: "bytes"; readonly least: number; readonly most: number };

type ValueOf<F> = F extends { type: "bytes" }
  ? Uint8Array
  : F extends { type: "number" }
    ? number
    : F extends { type: "keys" }
      ? readonly Uint8Array[]
      : F extends { type: "choice"; of: readonly (infer Choice)[] }
        ? Choice
        : string;

export type SignedFields<P extends Purpose> = {
  readonly [Name in keyof (typeof SIGNED_FIELDS)[P]]: ValueOf<(typeof SIGNED_FIELDS)[P][Name]>;
};

/** The bytes that a signature of this purpose covers. Throws `protocol_error` when a field does not fit. */
export function signedBytes<P extends Purpose>(purpose: P, fields: SignedFields<P>): Uint8Array {
  const declared: Record<string, Field> = SIGNED_FIELDS[purpose];
  const given: Record<string, unknown> = fields;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name)) throw misfit(purpose, name, "is not a field of it");
  }
  const parts = [lv(utf8(`muster/v1/${purpose}`))];
  for (const [name, field] of Object.entries(declared)) {
    const encoded = encodeField(field, given[name]);
    if (typeof encoded === "string") throw misfit(purpose, name, encoded);
    parts.push(lv(encoded));
  }
  return concat(...parts);
}

/** The field's bytes, or in words what is wrong with the value. */
function encodeField(field: Field, value: unknown): Uint8Array | string {
  if (field.type === "bytes") return encodeBytes(value, field.least, field.most);
  if (field.type === "choice") return encodeChoice(value, field.of);
  if (field.type === "number") return encodeNumber(value);
  return field.type === "keys" ? encodeKeys(value) : encodeText(value);
}

function encodeChoice(value: unknown, choices: readonly string[]): Uint8Array | string {
  return typeof value === "string" && choices.includes(value)
    ? utf8(value)
    : `is none of ${choices.join(", ")}`;
}

function encodeNumber(value: unknown): Uint8Array | string {
  const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  return fits ? u64(value) : "is no whole number";
}

function encodeBytes(value: unknown, least: number, most: number): Uint8Array | string {
  if (!(value instanceof Uint8Array)) return "is missing";
  if (value.length >= least && value.length <= most) return value;
  return least === most ? `is not ${least} bytes long` : `is not ${least} to ${most} bytes long`;
}

function encodeText(value: unknown): Uint8Array | string {
  if (typeof value !== "string" || value === "") return "is missing";
  // A lone surrogate would encode to the bytes of another text.
  if (!value.isWellFormed()) return "is not well-formed text";
  const bytes = utf8(value);
  return bytes.length > TEXT_MAX_BYTES ? `is longer than ${TEXT_MAX_BYTES} bytes` : bytes;
}

function encodeKeys(value: unknown): Uint8Array | string {
  if (!Array.isArray(value)) return "is missing";
  if (value.length > KEYS_MAX) return `names more than ${KEYS_MAX} keys`;
  const parts: Uint8Array[] = [];
  for (const item of value) {
    const bytes = encodeBytes(item, 32, 32);
    if (typeof bytes === "string") return "holds something that is no key";
    parts.push(lv(bytes));
  }
  return concat(...parts);
}

function misfit(purpose: Purpose, name: string, problem: string): MusterError {
  return new MusterError(
    "protocol_error",
    `cannot form the signed bytes of "${purpose}": ${name} ${problem}`,
  );
}
