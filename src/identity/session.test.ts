import { describe, expect, test } from "bun:test";
import type { ErrorCode } from "../protocol/errors.ts";
import { signedBytes } from "../protocol/signed.ts";
import { refusal, rejection } from "./refusal.fixture.ts";
import { seededCrypto } from "./crypto.fixture.ts";
import { checkDevice, checkHub, dialledAddress, proveDevice, proveHub } from "./session.ts";
import type { BindingRule, DeviceClaim, DeviceProof, DeviceSide, Hello, HubSide } from "./session.ts";

const crypto = seededCrypto("session");
const hubSigner = crypto.ed25519Signer(crypto.randomBytes(32));
const deviceSigner = crypto.ed25519Signer(crypto.randomBytes(32));
const stranger = crypto.ed25519Signer(crypto.randomBytes(32));
const BINDING = crypto.randomBytes(32);
const ADDRESS = "https://hub.example:443";

const hub: HubSide = {
  protocols: [1],
  hubKey: hubSigner.publicKey,
  nonce: crypto.randomBytes(32),
  isOwnAddress: (dialled) => dialled === ADDRESS,
  binding: BINDING,
  bindingRule: { type: "required" },
};

const hello: Hello = { protocols: hub.protocols, hubKey: hub.hubKey, nonce: hub.nonce };

const device: DeviceSide = {
  protocols: [1],
  sessionKind: "register",
  session: 4,
  nonce: crypto.randomBytes(32),
  dialled: ADDRESS,
  binding: BINDING,
  hubKey: hubSigner.publicKey,
};

function claimOf({ handshake, signature }: DeviceProof): DeviceClaim {
  return {
    protocol: handshake.protocol,
    sessionKind: handshake.sessionKind,
    publicKey: handshake.deviceKey,
    nonce: handshake.deviceNonce,
    session: handshake.session,
    dialled: handshake.dialled,
    binding: handshake.binding,
    signature,
  };
}

function codeOf(run: () => unknown): string | undefined {
  return refusal(run).split(":")[0];
}

test("device and hub prove themselves to each other", async () => {
  const proof = await proveDevice(deviceSigner, hello, device);
  const agreed = checkDevice(crypto, hub, claimOf(proof));
  expect(agreed).toEqual(proof.handshake);
  checkHub(crypto, proof.handshake, await proveHub(hubSigner, agreed));
});

test("a device signs nothing for a hub that is not the pinned one", async () => {
  const other = { ...hello, hubKey: stranger.publicKey };
  let signed = 0;
  const watched = {
    publicKey: deviceSigner.publicKey,
    sign: (bytes: Uint8Array) => {
      signed++;
      return deviceSigner.sign(bytes);
    },
  };
  expect(await rejection(proveDevice(watched, other, device))).toContain("bad_signature");
  await proveDevice(watched, other, { ...device, hubKey: undefined });
  expect(signed).toBe(1);
});

test("the highest common protocol is taken, and none is an error", async () => {
  const proof = await proveDevice(
    deviceSigner,
    { ...hello, protocols: [1, 2, 5] },
    { ...device, protocols: [1, 2, 3] },
  );
  expect(proof.handshake.protocol).toBe(2);
  expect(codeOf(() => checkDevice(crypto, hub, claimOf(proof)))).toBe("protocol_error");
  expect(await rejection(proveDevice(deviceSigner, { ...hello, protocols: [9] }, device))).toContain(
    "protocol_error",
  );
});

test("a nonce of the wrong length is never signed", async () => {
  const short = { ...hello, nonce: hello.nonce.subarray(1) };
  expect(await rejection(proveDevice(deviceSigner, short, device))).toContain("hubNonce is not 32 bytes");
});

describe("the hub refuses", () => {
  const changes: [string, Partial<DeviceClaim>, ErrorCode][] = [
    ["another key", { publicKey: stranger.publicKey }, "bad_signature"],
    ["another nonce", { nonce: new Uint8Array(32) }, "bad_signature"],
    ["a nonce of the wrong length", { nonce: new Uint8Array(31) }, "protocol_error"],
    ["another session number", { session: 5 }, "bad_signature"],
    ["another session kind", { sessionKind: "attach" }, "bad_signature"],
    ["another protocol", { protocol: 2 }, "protocol_error"],
    ["an address that is not its own", { dialled: "https://other.example:443" }, "protocol_error"],
    ["a binding to another connection", { binding: new Uint8Array(32) }, "protocol_error"],
    ["no binding", { binding: new Uint8Array() }, "protocol_error"],
    ["a signature of the wrong length", { signature: new Uint8Array(63) }, "bad_signature"],
  ];
  test.each(changes)("%s", async (_, change, code) => {
    const claim = { ...claimOf(await proveDevice(deviceSigner, hello, device)), ...change };
    expect(codeOf(() => checkDevice(crypto, hub, claim))).toBe(code);
  });

  test("a proof that was made for another connection", async () => {
    const claim = claimOf(await proveDevice(deviceSigner, hello, device));
    const later = { ...hub, nonce: crypto.randomBytes(32) };
    expect(codeOf(() => checkDevice(crypto, later, claim))).toBe("bad_signature");
  });

  test("its own signature sent back", async () => {
    const proof = await proveDevice(hubSigner, hello, device);
    const signature = await proveHub(hubSigner, proof.handshake);
    expect(codeOf(() => checkDevice(crypto, hub, { ...claimOf(proof), signature }))).toBe("bad_signature");
  });
});

test("a device passed on by somebody in between is refused", async () => {
  // The relay answers with the real hub's hello; the device dialled the relay and is bound to it.
  const toRelay = { ...device, dialled: "https://relay.example:443", binding: crypto.randomBytes(32) };
  const proof = await proveDevice(deviceSigner, hello, toRelay);
  expect(codeOf(() => checkDevice(crypto, hub, claimOf(proof)))).toBe("protocol_error");
  const relabelled = { ...claimOf(proof), dialled: ADDRESS, binding: BINDING };
  expect(codeOf(() => checkDevice(crypto, hub, relabelled))).toBe("bad_signature");
});

test("a hub that does not hold its key is found out", async () => {
  const { handshake } = await proveDevice(deviceSigner, hello, device);
  const lie = await stranger.sign(signedBytes("hub", handshake));
  expect(codeOf(() => checkHub(crypto, handshake, lie))).toBe("bad_signature");
  const reflected = await deviceSigner.sign(signedBytes("register", handshake));
  expect(codeOf(() => checkHub(crypto, handshake, reflected))).toBe("bad_signature");
});

const NONE = new Uint8Array();
const page = (origin: string): BindingRule => ({ type: "browser", origin });
const rules: [string, BindingRule, Uint8Array, Uint8Array, boolean][] = [
  ["required, none at all", { type: "required" }, NONE, NONE, false],
  ["required, only claimed", { type: "required" }, NONE, BINDING, false],
  ["proxy, none", { type: "proxy" }, NONE, NONE, true],
  ["proxy, bound to the proxy", { type: "proxy" }, NONE, BINDING, true],
  ["loopback, none", { type: "loopback" }, NONE, NONE, true],
  ["loopback, the same", { type: "loopback" }, BINDING, BINDING, true],
  ["loopback, only claimed", { type: "loopback" }, NONE, BINDING, false],
  ["page of the address", page("https://hub.example"), BINDING, NONE, true],
  ["page with a binding", page("https://hub.example"), BINDING, BINDING, false],
  ["page of another host", page("https://evil.example"), BINDING, NONE, false],
  ["page of another scheme", page("http://hub.example"), BINDING, NONE, false],
  ["page of another port", page("https://hub.example:444"), BINDING, NONE, false],
  ["page without origin", page("null"), BINDING, NONE, false],
  ["an origin with a path", page("https://hub.example/"), BINDING, NONE, false],
];

test.each(rules)("binding: %s", async (_, bindingRule, seen, claimed, taken) => {
  const proof = await proveDevice(deviceSigner, hello, { ...device, binding: claimed });
  const code = codeOf(() => checkDevice(crypto, { ...hub, binding: seen, bindingRule }, claimOf(proof)));
  expect(code).toBe(taken ? "none" : "protocol_error");
});

test.each([
  ["https://Hub.Example/path?q#f", "https://hub.example:443"],
  ["wss://hub.example/ws", "https://hub.example:443"],
  ["ws://localhost:8080/ws", "http://localhost:8080"],
  ["http://127.0.0.1", "http://127.0.0.1:80"],
  ["http://[::1]:9", "http://[::1]:9"],
])("%s is dialled as %s", (url, dialled) => {
  expect(dialledAddress(url)).toBe(dialled);
});

test.each(["", "hub.example", "ftp://hub.example", "null", "wsx://hub"])(
  "%j is no address of a hub",
  (url) => {
    expect(codeOf(() => dialledAddress(url))).toBe("invalid");
  },
);
