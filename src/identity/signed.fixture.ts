// One sample of every purpose, for tests that hold the purposes apart and their bytes still.

import type { Purpose, SignedFields } from "../protocol/signed.ts";

const bytes = (value: number, length = 32): Uint8Array => new Uint8Array(length).fill(value);

const handshake: SignedFields<"register"> = {
  sessionKind: "register",
  protocol: 1,
  hubKey: bytes(1),
  hubNonce: bytes(2),
  deviceNonce: bytes(3),
  deviceKey: bytes(4),
  session: 7,
  dialled: "https://hub.example:443",
  binding: bytes(5),
};

const relayed: SignedFields<"message"> = {
  senderKey: bytes(1),
  recipientKey: bytes(2),
  receiveKeyId: bytes(3),
  outboxEpoch: bytes(4, 16),
  sequence: 9,
  messageId: "m1",
  kind: "text",
  sealedHash: bytes(5),
};

export const SAMPLES: { readonly [P in Purpose]: SignedFields<P> } = {
  register: handshake,
  hub: handshake,
  pair: { role: "maker", transcript: bytes(6, 64) },
  message: relayed,
  ack: {
    senderKey: bytes(1),
    recipientKey: bytes(2),
    receiveKeyId: bytes(3),
    outboxEpoch: bytes(4, 16),
    sequence: 9,
    messageId: "m1",
    sealedHash: bytes(5),
  },
  command: {
    logId: bytes(1),
    signerKey: bytes(2),
    deviceKey: bytes(3),
    sessionHash: bytes(4),
    number: 3,
    commandId: "c1",
    kind: "exec",
    requestHash: bytes(5),
  },
  outcome: {
    logId: bytes(1),
    signerKey: bytes(2),
    deviceKey: bytes(3),
    commandId: "c1",
    requestHash: bytes(4),
    outcomeHash: bytes(5),
  },
  log: { log: bytes(1), number: 2, previous: bytes(3), kind: "member", body: bytes(0x20, 8), by: bytes(4) },
  claim: {
    logId: bytes(1),
    invite: 2,
    publicKey: bytes(3),
    linkKey: bytes(4),
    sshHostKeysHash: bytes(5),
    name: "pi",
    kind: "raspberry_pi",
    platform: "linux-arm64",
    hubKey: bytes(6),
  },
  query: {
    logId: bytes(1),
    signerKey: bytes(2),
    queryId: "q1",
    queryType: "ListTasks",
    paramsHash: bytes(3),
    devices: [bytes(4), bytes(5)],
  },
  request: {
    logId: bytes(1),
    callerKey: bytes(2),
    requestId: "r1",
    capability: "llm.chat",
    version: "1.0.0",
    payloadHash: bytes(3),
  },
  ticket: {
    share: "s1",
    host: "blog.hub.example",
    visitor: "v1",
    nonce: bytes(1),
    expiresAt: 1_700_000_000_000,
  },
  release: { version: "1.2.3", releasedAt: 1_700_000_000_000, manifestHash: bytes(1) },
};
