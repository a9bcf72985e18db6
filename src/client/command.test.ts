import { expect, test } from "bun:test";
import { seededCrypto } from "../identity/crypto.fixture.ts";
import { checkDevice, proveHub } from "../identity/session.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../protocol/bytes.ts";
import type { ClientMessage, HubToClient } from "../protocol/messages.ts";
import { signedBytes } from "../protocol/signed.ts";
import { NO_SEALED_SESSION, runCommand, signCommand } from "./command.ts";
import type { Connection } from "./connection.ts";
import { keyProver } from "./prove-key.ts";

const crypto = seededCrypto("client");
const signer = crypto.ed25519Signer(crypto.randomBytes(32));
const deviceKey = crypto.randomBytes(32);
const ownerRoot = toBase64Url(crypto.randomBytes(32));
const order = {
  kind: "share.remove",
  request: { share: "docs" },
  deviceId: "d",
  deviceKey,
  ownerRoot,
} as const;
const bytes = (text: string): Uint8Array => fromBase64Url(text) ?? new Uint8Array(0);

test("a command is signed over its whole request, its device and its log", async () => {
  const command = await signCommand(order, crypto, signer);
  const signed = signedBytes("command", {
    logId: bytes(ownerRoot),
    signerKey: signer.publicKey,
    deviceKey,
    sessionHash: NO_SEALED_SESSION,
    number: 0,
    commandId: command.command_id,
    kind: "share.remove",
    requestHash: crypto.sha256(utf8(command.request)),
  });
  expect(command.request).toBe('{"share":"docs"}');
  expect(crypto.verifyEd25519(signer.publicKey, signed, bytes(command.signature))).toBe(true);
});

test("two commands never have one id", async () => {
  const ids = await Promise.all([signCommand(order, crypto, signer), signCommand(order, crypto, signer)]);
  expect(new Set(ids.map((command) => command.command_id)).size).toBe(2);
});

function answering(
  outcome: Partial<Extract<HubToClient, { type: "command_outcome" }>>,
): Pick<Connection, "request"> {
  return {
    request: async () => ({ type: "command_outcome", id: "7", ...outcome }),
  };
}

test("the outcome of a command is read by the shape of its kind", async () => {
  const result = JSON.stringify({ id: "x1", name: "docs" });
  expect(await runCommand(answering({ result }), order, { crypto, signer })).toEqual({
    id: "x1",
    name: "docs",
  });
});

test("an outcome that does not fit is refused", async () => {
  for (const result of ["{", "{}", "null"]) {
    const outcome = runCommand(answering({ result }), order, { crypto, signer });
    expect(await outcome.catch((error: unknown) => error)).toMatchObject({ code: "protocol_error" });
  }
});

test("the device's refusal is thrown with its hint", async () => {
  const error = { code: "not_found", message: "there is no share", hint: "muster ls" } as const;
  const outcome = runCommand(answering({ error }), order, { crypto, signer });
  expect(await outcome.catch((thrown: unknown) => thrown)).toMatchObject({
    ...error,
    cause: { requestId: "7" },
  });
});

test("the hub accepts the proof of the key, and its own proof is checked", async () => {
  const hub = crypto.ed25519Signer(crypto.randomBytes(32));
  const nonce = crypto.randomBytes(32);
  const prove = keyProver({
    crypto,
    signer,
    sessionKind: "person",
    url: "wss://hub.example/ws",
    hubKey: undefined,
    name: "n",
    platform: "p",
    kind: "browser",
    version: "0.1.0",
  });
  const { register, check } = await prove({
    type: "hello",
    protocol: [1],
    hub_key: toBase64Url(hub.publicKey),
    nonce: toBase64Url(nonce),
    version: "0.1.0",
  });
  const signature = await proveHub(hub, handshakeOf(hub.publicKey, nonce, register));
  const registered = {
    type: "registered",
    device_id: "d",
    name: "n",
    hostname: "",
    hub_url: "",
    signature: "",
  } as const;
  await check({ ...registered, signature: toBase64Url(signature) });
  const forged = { ...registered, signature: toBase64Url(new Uint8Array(64)) };
  expect(() => check(forged)).toThrow(expect.objectContaining({ code: "bad_signature" }));
});

function handshakeOf(
  hubKey: Uint8Array,
  nonce: Uint8Array,
  register: ClientMessage<"register">,
): ReturnType<typeof checkDevice> {
  return checkDevice(
    crypto,
    {
      protocols: [1],
      hubKey,
      nonce,
      isOwnAddress: (dialled) => dialled === "https://hub.example:443",
      binding: new Uint8Array(0),
      bindingRule: { type: "browser", origin: "https://hub.example" },
    },
    {
      protocol: register.protocol,
      sessionKind: register.session_kind,
      publicKey: bytes(register.public_key),
      nonce: bytes(register.nonce),
      session: register.session,
      dialled: register.dialled,
      binding: bytes(register.binding),
      signature: bytes(register.signature),
    },
  );
}
