// An old agent with a new hub, and a new agent with an old hub: what the other side says beyond what is known
// here is not held against it, and both settle on the version that they share.
import { expect, test } from "bun:test";
import { keyProver } from "../../src/client/prove-key.ts";
import { readMessage } from "../../src/client/read-message.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import { checkDevice, proveHub } from "../../src/identity/session.ts";
import { fromBase64Url, toBase64Url } from "../../src/protocol/bytes.ts";
import { readClientMessage, unknownRequest } from "../../src/hub/sessions/read-client-message.ts";
import { MusterError } from "../../src/protocol/errors.ts";
import type { ClientMessage, HubToClient } from "../../src/protocol/messages.ts";

const crypto = nodeCrypto((length) => new Uint8Array(length).fill(5));
const hub = crypto.ed25519Signer(new Uint8Array(32).fill(1));
const device = crypto.ed25519Signer(new Uint8Array(32).fill(2));
const nonce = new Uint8Array(32).fill(3);
const binding = new Uint8Array(0);

const bytes = (text: string): Uint8Array => fromBase64Url(text) ?? new Uint8Array(0);

/** As the other side would write it, with what only it knows. */
function hubSays(message: object): HubToClient | undefined {
  return readMessage(JSON.stringify({ ...message, added_later: { deep: [1] } }));
}

function prover() {
  return keyProver({
    crypto,
    signer: device,
    sessionKind: "register",
    session: 1,
    url: "http://localhost:8080",
    hubKey: hub.publicKey,
    name: "pi",
    platform: "linux-arm64",
    kind: "raspberry_pi",
    version: "0.1.0",
  });
}

function checkedBy(protocols: readonly number[], register: ClientMessage<"register">) {
  return checkDevice(
    crypto,
    {
      protocols,
      hubKey: hub.publicKey,
      nonce,
      isOwnAddress: () => true,
      binding,
      bindingRule: { type: "loopback" },
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

test("with a newer hub a device speaks the version that both know", async () => {
  const hello = hubSays({
    type: "hello",
    protocol: [1, 2],
    hub_key: toBase64Url(hub.publicKey),
    nonce: toBase64Url(nonce),
    version: "0.2.0",
  });
  if (hello?.type !== "hello") throw new Error("that was a hello");
  const { register, check } = await prover()(hello);
  expect(register.protocol).toBe(1);
  const handshake = checkedBy([1, 2], register);
  const registered = hubSays({
    type: "registered",
    device_id: "d",
    name: "pi",
    hostname: "",
    hub_url: "http://localhost:8080",
    signature: toBase64Url(await proveHub(hub, handshake)),
  });
  if (registered?.type !== "registered") throw new Error("that was a registration");
  await check(registered);
});

test("with a hub that shares no version a device says so", () => {
  const hello = {
    type: "hello",
    protocol: [2, 3],
    hub_key: toBase64Url(hub.publicKey),
    nonce: toBase64Url(nonce),
  };
  const proved = prover()({ ...hello, type: "hello", version: "9.0.0" });
  expect(proved).rejects.toBeInstanceOf(MusterError);
});

test("a device skips what only a newer hub says, and reads its new errors", () => {
  expect(hubSays({ type: "weather", id: "1" })).toBeUndefined();
  expect(hubSays({ type: "error", code: "too_sunny", message: "no shade" })).toEqual({
    type: "error",
    code: "internal",
    message: "no shade",
  });
});

test("a hub reads a newer device's registration, and tells it which request it does not know", async () => {
  const { register } = await prover()({
    type: "hello",
    protocol: [1],
    hub_key: toBase64Url(hub.publicKey),
    nonce: toBase64Url(nonce),
    version: "0.0.9",
  });
  const read = readClientMessage(JSON.stringify({ ...register, added_later: true }));
  expect(read).toEqual(register);
  expect(checkedBy([1], register).protocol).toBe(1);
  for (const [message, id] of [
    [{ type: "weather", id: "7" }, "7"],
    [{ type: "weather" }, undefined],
    [{ type: "weather", id: 7 }, undefined],
    [{ type: "weather", id: "x".repeat(65) }, undefined],
  ] as const) {
    let thrown: unknown;
    try {
      readClientMessage(JSON.stringify(message));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "unknown_message" });
    expect(thrown instanceof MusterError ? unknownRequest(thrown) : "").toBe(id);
  }
});
