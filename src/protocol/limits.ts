// Every bound that both ends must agree on, each with its reason. Bounds of one room stand in that room.

const KIB = 1024;
const MIB = 1024 * KIB;

// HTTP heads (security.md, "HTTP edge and proxy").
export const HEAD_MAX_BYTES = 32 * KIB;
export const HEAD_MAX_FIELDS = 100;
/** A visitor who trickles a head (slowloris) is cut after this. */
export const HEAD_TIMEOUT_MS = 10_000;
export const BODY_IDLE_TIMEOUT_MS = 30_000;
/** A chunk-size line with its extensions; nothing honest comes near. */
export const CHUNK_LINE_MAX_BYTES = 4 * KIB;
export const TRAILERS_MAX_BYTES = 8 * KIB;

// Trunk frames and streams (trunk.md).
export const FRAME_HEADER_BYTES = 8;
export const DATA_MAX_BYTES = 64 * KIB;
export const FIRST_CREDIT_BYTES = 64 * KIB;
export const WINDOW_MAX_BYTES = 8 * MIB;
/** Credit above each stream's first 64 KiB, summed over one trunk. */
export const TRUNK_EXTRA_CREDIT_BYTES = 64 * MIB;
export const TRUNK_MAX_STREAMS = 1024;
export const OPEN_MAX_BYTES = 4 * KIB;
export const FIN_MAX_BYTES = 1 * KIB;
export const PING_EVERY_MS = 2_000;
export const DEAD_AFTER_MS = 5_000;

// Control messages.
export const MESSAGE_MAX_BYTES = 256 * KIB;
/** Relayed messages and query parts. */
export const RELAY_MESSAGE_MAX_BYTES = 1 * MIB;
/** A message of that size, sealed (less than 1 KiB more), in base64url. */
export const RELAY_PAYLOAD_MAX_CHARACTERS = Math.ceil(((RELAY_MESSAGE_MAX_BYTES + KIB) * 4) / 3);
/** What is asked of a capability: questions to a model have images in base64. */
export const CAPABILITY_REQUEST_MAX_BYTES = 8 * MIB;
/** And with the JSON around it: what a proven session may send in one message. */
export const PROVEN_MESSAGE_MAX_BYTES = RELAY_PAYLOAD_MAX_CHARACTERS + 4 * KIB;
export const JSON_MAX_DEPTH = 32;
export const OPENING_MESSAGES_PER_SECOND = 100;
export const OPENING_MESSAGES_BURST = 500;
/** An unauthenticated connection has this long to prove who it is. */
export const REGISTER_TIMEOUT_MS = 5_000;

// The edge.
/** How long a request waits for a device that is reconnecting. */
export const OFFLINE_HOLD_MS = 5_000;
export const FIRST_BYTE_TIMEOUT_MS = 30_000;
/** What the edge keeps of an upgrade's bytes before the app has agreed to it. */
export const UPGRADE_HOLD_BYTES = 64 * KIB;

// Shares.
export const SHARES_PER_DEVICE = 100;
export const SHARE_LABEL_WAIT_MS = 5_000;
export const PROOF_EVERY_MS = 5_000;
export const PROOF_TIMEOUT_MS = 5_000;

// Pairing and the relay (pairing.md).
/** Names of two letters that one owner's devices have for themselves: 31 × 31. */
export const OWNER_MAILBOXES_MAX = 961;
/** While this many of strangers are open, new ones get three letters, so that guessing a name stays rare. */
export const OPEN_MAILBOXES_OF_TWO = 240;
/** Of 29,791 names of three letters: a free one is still found in a few draws. */
export const OPEN_MAILBOXES_MAX = 20_000;
export const OPEN_JOINS_PER_ADDRESS_AND_MINUTE = 10;
export const OPEN_JOINS_PER_KEY_AND_MINUTE = 30;
/** What a hub keeps for a device that is away. */
export const RELAY_KEPT_MS = 7 * 86_400_000;
export const RELAY_WAITING_MAX = 10_000;
export const RELAY_WAITING_MAX_BYTES = 64 * MIB;

// The owner log (security.md).
export const OWNER_LOG_MAX_ENTRIES = 4096;
export const OWNER_LOG_ENTRY_MAX_BYTES = 16 * KIB;
export const BROWSER_CONTROLLER_DAYS = 30;
export const LOGIN_LINK_MINUTES = 15;
