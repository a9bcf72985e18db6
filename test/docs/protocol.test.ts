// The examples of docs/protocol.md, made anew from the code.
import { expect, test } from "bun:test";
import { signCapabilityRequest } from "../../src/identity/capability-request.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import { signPass, signProgramTicket } from "../../src/identity/service-access.ts";
import { signQuery } from "../../src/identity/query-request.ts";
import { encodeCallOpen } from "../../src/protocol/call-open.ts";
import { toBase64Url, toHex, utf8 } from "../../src/protocol/bytes.ts";
import { encodeFin } from "../../src/protocol/fin.ts";
import { deviceIdOf } from "../../src/protocol/ids.ts";
import { encodeOpen } from "../../src/protocol/open.ts";
import { signedBytes } from "../../src/protocol/signed.ts";
import { encodeFrame, FRAME } from "../../src/trunk/frame.ts";
import { row } from "./protocol-text.ts";

const crypto = nodeCrypto((length) => new Uint8Array(length));
const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const device = crypto.ed25519Signer(filled(1));
const hub = crypto.ed25519Signer(filled(2));

const open = encodeOpen({
  target: "cjigel4bb4",
  https: true,
  secure: true,
  visitorCloses: false,
  visitor: "192.0.2.7",
  host: "shop.example.com",
  link: "hub",
  requestId: "29540g0r6b-4",
});

test.each([
  ["ping", encodeFrame(FRAME.ping, 0, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1))],
  ["open", encodeFrame(FRAME.open, 1, open)],
  ["data", encodeFrame(FRAME.data, 1, utf8("GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"))],
  ["window", encodeFrame(FRAME.window, 1, Uint8Array.of(0, 0, 0x80, 0))],
  [
    "finish",
    encodeFrame(FRAME.finish, 1, encodeFin({ status: 200, firstByteMs: 12, length: 15, close: false })),
  ],
  ["message", encodeFrame(FRAME.message, 0, utf8('{"type":"fleet_get","id":"1"}'))],
  ["goaway", encodeFrame(FRAME.goaway, 0, utf8("drain the hub stops"))],
])("the example frame %s is what the code writes", (name, frame) => {
  expect(row(`\`${name}\``)).toBe(toHex(frame));
});

test("the example keys have the ids that are written beside them", () => {
  expect(row("`device key`")).toBe(toBase64Url(device.publicKey));
  expect(row("`device id`")).toBe(deviceIdOf(crypto.sha256(device.publicKey)));
  expect(row("`hub key`")).toBe(toBase64Url(hub.publicKey));
  expect(row("`hub id`")).toBe(deviceIdOf(crypto.sha256(hub.publicKey)));
});

test("the example handshake is signed as written", async () => {
  const handshake = {
    sessionKind: "register",
    protocol: 1,
    hubKey: hub.publicKey,
    hubNonce: filled(3),
    deviceNonce: filled(4),
    deviceKey: device.publicKey,
    session: 5,
    dialled: "https://hub.example:443",
    binding: filled(6),
  } as const;
  const bytes = signedBytes("register", handshake);
  expect(row("SHA-256 of the `register` bytes")).toBe(toHex(crypto.sha256(bytes)));
  expect(row("`register` signature")).toBe(toBase64Url(await device.sign(bytes)));
  expect(row("`hub` signature")).toBe(toBase64Url(await hub.sign(signedBytes("hub", handshake))));
});

test("the example ticket and pass of a service are signed as written", async () => {
  const at = { deviceId: deviceIdOf(crypto.sha256(device.publicKey)), service: "grafana" };
  const expiresAt = 1_795_000_000_000;
  const nonce = filled(3);
  expect(row("`program ticket`")).toBe(await signProgramTicket(hub, at, { nonce, expiresAt }));
  const place = { ...at, host: "grafana--pi.example.com" };
  expect(row("`pass`")).toBe(await signPass(device, place, { key: hub.publicKey, nonce, expiresAt }));
});

test("the example calls are opened and signed as written", async () => {
  const log = toBase64Url(filled(2));
  const id = "019ab000-0000-7000-8000-000000000001";
  expect(row("`capability call`")).toBe(toHex(encodeCallOpen("capability")));
  expect(row("`query call`")).toBe(toHex(encodeCallOpen("query")));
  const capability = { protocol: "llm.chat", version: "1.0.0" };
  const wish = { log, requestId: id, capability, payload: '{"messages":[]}' };
  const { signature } = await signCapabilityRequest(wish, crypto, device);
  expect(row("`request` signature")).toBe(signature);
  const query = await signQuery({ log, queryId: id, type: "ListTasks", params: "{}" }, crypto, device);
  expect(row("`query` signature")).toBe(query.signature);
});
