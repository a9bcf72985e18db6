import { describe, expect, test } from "bun:test";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { checkHub, proveDevice, type DeviceSide } from "../../identity/session.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { Greeting, type GreetingOptions, type Proved } from "./greeting.ts";

const OWN = "https://hub.example:443";
const EXPORTER = new Uint8Array(32).fill(9);
const REGISTER_WITHIN_MS = 5_000;
const crypto = nodeCrypto((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));
const hubSigner = crypto.ed25519Signer(crypto.randomBytes(32));
const device = crypto.ed25519Signer(crypto.randomBytes(32));

interface Said {
  type: string;
  code?: string;
  message?: string;
  nonce?: string;
  signature?: string;
}

function greet(options: Partial<GreetingOptions> = {}) {
  const time = new FakeTime();
  const said: Said[] = [];
  const closed: string[] = [];
  const admitted: Proved[] = [];
  const trunk = {
    message: (bytes: Uint8Array) => said.push(JSON.parse(new TextDecoder().decode(bytes)) as Said) > 0,
    close: (code: string) => void closed.push(code),
  };
  const greeting = new Greeting({
    trunk: trunk as unknown as GreetingOptions["trunk"], // all of a trunk that it uses
    timers: time,
    crypto,
    signer: hubSigner,
    log: SILENT_LOG,
    version: "0.1.0",
    isOwnAddress: (dialled) => dialled === OWN,
    binding: EXPORTER,
    bindingRule: { type: "required" },
    admit: async () => () => ({ device_id: "id", name: "pi", hostname: "", hub_url: OWN }),
    admitted: (proved) => void admitted.push(proved),
    ...options,
  });
  const nonce = fromBase64Url(said[0]?.nonce ?? "") ?? new Uint8Array(0);
  return { greeting, time, said, closed, admitted, nonce };
}

/** What an honest device says, but for what is changed. */
async function registration(nonce: Uint8Array, own: Partial<DeviceSide> = {}) {
  const proof = await proveDevice(
    device,
    { protocols: [1], hubKey: hubSigner.publicKey, nonce },
    {
      protocols: [1],
      sessionKind: "register",
      session: 5,
      nonce: crypto.randomBytes(32),
      dialled: OWN,
      binding: EXPORTER,
      hubKey: undefined,
      ...own,
    },
  );
  const { handshake, signature } = proof;
  const message = {
    type: "register",
    session_kind: handshake.sessionKind,
    protocol: 1,
    public_key: toBase64Url(device.publicKey),
    nonce: toBase64Url(handshake.deviceNonce),
    session: handshake.session,
    dialled: handshake.dialled,
    binding: toBase64Url(handshake.binding),
    name: "pi",
    platform: "linux-arm64",
    kind: "raspberry_pi",
    version: "0.1.0",
    signature: toBase64Url(signature),
  };
  return { handshake, message };
}

const sent = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** Until all that waits for nothing but its turn has had it. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
}

describe("a greeting", () => {
  test("begins with a hello whose nonce is new each time", () => {
    const [first, second] = [greet(), greet()];
    expect(first.said).toMatchObject([
      { type: "hello", protocol: [1], hub_key: toBase64Url(hubSigner.publicKey), version: "0.1.0" },
    ]);
    expect(first.nonce).toHaveLength(32);
    expect(first.nonce).not.toEqual(second.nonce);
  });

  test("ends with a proof of the hub over what the device signed, and then hands over", async () => {
    const { greeting, nonce, said, admitted, closed, time } = greet();
    const { handshake, message } = await registration(nonce);
    greeting.receive(sent(message));
    await turns();
    const [, registered] = said;
    expect(registered).toMatchObject({ type: "registered", name: "pi" });
    checkHub(crypto, handshake, fromBase64Url(registered?.signature ?? "") ?? new Uint8Array(0));
    expect(admitted.map((proved) => proved.handshake.session)).toEqual([5]);
    time.advance(10 * REGISTER_WITHIN_MS);
    expect([closed, said.length]).toEqual([[], 2]);
  });

  test("waits five seconds, and then says no word about the key", () => {
    const { said, closed, time } = greet();
    time.advance(REGISTER_WITHIN_MS - 1);
    expect(closed).toEqual([]);
    time.advance(1);
    expect([closed, said.at(-1)?.code]).toEqual([["unavailable"], "unavailable"]);
  });

  test("lets nobody in after its time, however long the hub takes to decide", async () => {
    const decided = Promise.withResolvers<Awaited<ReturnType<GreetingOptions["admit"]>>>();
    const { greeting, nonce, admitted, closed, said, time } = greet({ admit: () => decided.promise });
    greeting.receive(sent((await registration(nonce)).message));
    time.advance(REGISTER_WITHIN_MS);
    decided.resolve(() => ({ device_id: "id", name: "pi", hostname: "", hub_url: OWN }));
    await turns();
    expect([closed, admitted]).toEqual([["unavailable"], []]);
    expect(said.map(({ type }) => type)).toEqual(["hello", "error"]);
  });

  test("lets nobody in whose connection is gone", async () => {
    const { greeting, nonce, admitted, said, closed, time } = greet();
    greeting.receive(sent((await registration(nonce)).message));
    greeting.closed();
    await turns();
    time.advance(REGISTER_WITHIN_MS);
    expect([said.length, closed, admitted]).toEqual([1, [], []]);
  });

  test("takes one registration, and not a second while it looks at the first", async () => {
    const { greeting, nonce, admitted, closed } = greet();
    const bytes = sent((await registration(nonce)).message);
    greeting.receive(bytes);
    greeting.receive(bytes);
    await turns();
    expect([closed, admitted]).toEqual([["protocol_error"], []]);
  });
});

describe("a proof is refused", () => {
  const other = "https://other.example:443";
  const lying: [what: string, own: Partial<DeviceSide>][] = [
    ["for another hub", { dialled: other }],
    ["from another connection", { binding: new Uint8Array(32).fill(8) }],
    ["bound to no connection", { binding: new Uint8Array(0) }],
  ];
  for (const [what, own] of lying) {
    test(what, async () => {
      const { greeting, nonce, admitted, closed } = greet();
      greeting.receive(sent((await registration(nonce, own)).message));
      await turns();
      expect([closed, admitted]).toEqual([["protocol_error"], []]);
    });
  }

  test("that answered another hello", async () => {
    const { greeting, admitted, closed } = greet();
    greeting.receive(sent((await registration(crypto.randomBytes(32))).message));
    await turns();
    expect([closed, admitted]).toEqual([["bad_signature"], []]);
  });

  test("of which any signed field was changed on the way", async () => {
    for (const change of [
      { session: 6 },
      { session_kind: "attach" },
      { nonce: toBase64Url(new Uint8Array(32)) },
      { public_key: toBase64Url(crypto.ed25519Signer(crypto.randomBytes(32)).publicKey) },
      { signature: toBase64Url(new Uint8Array(64)) },
    ]) {
      const { greeting, nonce, admitted, closed } = greet();
      const { message } = await registration(nonce);
      greeting.receive(sent({ ...message, ...change }));
      await turns();
      expect([change, closed, admitted]).toEqual([change, ["bad_signature"], []]);
    }
  });
});

test("a connection whose rule asks for none may come unbound, and one that is bound wrongly still may not", async () => {
  const none = new Uint8Array(0);
  const loopback = { binding: none, bindingRule: { type: "loopback" } } as const;
  const unbound = greet(loopback);
  unbound.greeting.receive(sent((await registration(unbound.nonce, { binding: none })).message));
  await turns();
  expect(unbound.admitted).toHaveLength(1);
  const wrong = greet(loopback);
  wrong.greeting.receive(sent((await registration(wrong.nonce)).message));
  await turns();
  expect([wrong.admitted, wrong.closed]).toEqual([[], ["protocol_error"]]);
});

test.each([
  ["no JSON", utf8("{")],
  ["no message", sent([])],
  ["a type that is none", sent({ type: "regsiter", id: "1" })],
  ["a message that is not due yet", sent({ type: "fleet_get", id: "1" })],
  ["JSON that is too deep", utf8('{"type":'.repeat(40) + "1" + "}".repeat(40))],
  ["a registration without a shape", sent({ type: "register" })],
  ["bytes that are no text", new Uint8Array([0xff, 0xfe])],
])("%s ends a greeting", (_, bytes) => {
  const { greeting, closed, admitted } = greet();
  greeting.receive(bytes);
  expect([closed, admitted]).toEqual([[expect.stringMatching(/^protocol_error$|^unknown_message$/)], []]);
});

test("why somebody is refused is told, and what broke inside is not", async () => {
  for (const [thrown, code, message] of [
    [new MusterError("superseded", "two machines use this key"), "superseded", "two machines use this key"],
    [new Error("the disk at /var/lib is full"), "internal", "internal error"],
  ] as const) {
    const { greeting, nonce, said, closed } = greet({ admit: () => Promise.reject(thrown) });
    greeting.receive(sent((await registration(nonce)).message));
    await turns();
    expect(closed).toEqual([code]);
    expect(said.at(-1)).toEqual({ type: "error", code, message });
  }
});
