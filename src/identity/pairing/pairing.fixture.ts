// Two devices that pair, with clocks and randomness of their own, and a mailbox between them that a test may
// be dishonest in.

import { toBase64Url } from "../../protocol/bytes.ts";
import type { Crypto, Signer } from "../crypto.ts";
import { seededCrypto } from "../crypto.fixture.ts";
import { PairingJoiner } from "./joiner.ts";
import type { JoinerSecret } from "./joiner.ts";
import { PairingMaker } from "./maker.ts";
import type { MakerSecrets } from "./maker.ts";
import type { PairedPeer, PairingOptions } from "./pairing-run.ts";

export class TestClock {
  steadyMs = 1000;
  wallMs = 1_700_000_000_000;

  monotonic(): number {
    return this.steadyMs;
  }

  now(): number {
    return this.wallMs;
  }
}

export interface TestDevice {
  crypto: Crypto;
  clock: TestClock;
  signer: Signer;
  options: PairingOptions;
}

export const LETTERS = "Q2MX";
export const LINK = new Uint8Array(16).fill(7);
export const HUB_KEY = new Uint8Array(32).fill(1);

export function device(name: string, changes: Partial<PairingOptions> = {}): TestDevice {
  const crypto = seededCrypto(name);
  const clock = new TestClock();
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const options: PairingOptions = {
    crypto,
    clock,
    signer,
    hubKey: HUB_KEY,
    mailbox: "K7",
    version: 1,
    own: {
      linkKey: crypto.x25519PublicKey(crypto.randomBytes(32)),
      receiveKey: crypto.x25519PublicKey(crypto.randomBytes(32)),
      nickname: name,
      kind: "laptop",
    },
    ...changes,
  };
  return { crypto, clock, signer, options };
}

export function maker(
  by: TestDevice,
  secrets: MakerSecrets = { letters: LETTERS, link: LINK },
): PairingMaker {
  return new PairingMaker(by.options, secrets);
}

export function joiner(
  by: TestDevice,
  secret: JoinerSecret = { way: "code", letters: LETTERS },
): PairingJoiner {
  return new PairingJoiner(by.options, secret);
}

/** Everything as it should be, over JSON as on the wire. `relay` may change what passes. */
export async function run(
  a: PairingMaker,
  b: PairingJoiner,
  relay: (message: object) => unknown = (message) => message,
): Promise<{ ofMaker: PairedPeer; ofJoiner: PairedPeer }> {
  const pass = (message: object): unknown => relay(JSON.parse(JSON.stringify(message)) as object);
  const answer = await b.answer(pass(a.offer(pass(b.join()))));
  const { confirm, peer } = await a.finish(pass(answer));
  return { ofMaker: peer, ofJoiner: b.finish(pass(confirm)) };
}

export const base64 = toBase64Url;
