// The side that enters the code. The rule it keeps: it answers once, and from then on waits for that answer's
// confirmation and for nothing else; a cut or a silence never becomes a second try.

import { equalBytes, equalSecretBytes, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { pairingConfirm, pairingOffer } from "../../protocol/pairing-messages.ts";
import type {
  PairingAnswer,
  PairingConfirm,
  PairingJoin,
  PairingOffer,
  PairingSide,
} from "../../protocol/pairing-messages.ts";
import { signedBytes } from "../../protocol/signed.ts";
import { Secret } from "../secret.ts";
import { cpaceKey, makeShare } from "./cpace.ts";
import {
  bytesOf,
  cpaceInput,
  ownSide,
  pairingExpiry,
  pairingFailed,
  pairingKeys,
  peerOf,
  sentBy,
  tagOf,
  wipe,
} from "./pairing-run.ts";
import type { PairedPeer, PairingKeys, PairingOptions } from "./pairing-run.ts";

const SESSION_HALF_BYTES = 16;

/** What was typed, or what the camera read. */
export type JoinerSecret =
  | { way: "code"; letters: string }
  /** `maker` is the device id in the link. */
  | { way: "qr"; link: Uint8Array; maker: string };

type JoinerState =
  | { at: "new" }
  | { at: "joined"; half: string }
  | { at: "answering" }
  | { at: "answered"; keys: Secret<PairingKeys>; maker: PairingSide }
  | { at: "spent" }
  | { at: "paired"; confirm: PairingConfirm; peer: PairedPeer };

export class PairingJoiner {
  readonly #options: PairingOptions;
  readonly #side: PairingSide;
  readonly #secret: JoinerSecret;
  readonly #prs: Secret<Uint8Array>;
  readonly #isOver: () => boolean;
  #state: JoinerState = { at: "new" };

  constructor(options: PairingOptions, secret: JoinerSecret) {
    this.#options = options;
    this.#side = ownSide(options);
    this.#isOver = pairingExpiry(options.clock);
    this.#prs = new Secret(secret.way === "code" ? utf8(secret.letters) : secret.link.slice());
    // What stays here of the secret is what anyone may know of it.
    this.#secret =
      secret.way === "code" ? { ...secret, letters: "" } : { ...secret, link: new Uint8Array(0) };
  }

  /** Message 0. Again after a cut, as long as nothing was answered. Throws `pairing_failed`. */
  join(): PairingJoin {
    const { at } = this.#state;
    if ((at !== "new" && at !== "joined") || this.#isOver()) throw this.#fail();
    const half = toBase64Url(this.#options.crypto.randomBytes(SESSION_HALF_BYTES));
    this.#state = { at: "joined", half };
    return { step: 0, way: this.#secret.way, session: half };
  }

  /** Message 2, for message 1. Spends the code here. Throws `pairing_failed`. */
  async answer(offer: unknown): Promise<PairingAnswer> {
    const state = this.#state;
    if (state.at === "paired") throw pairingFailed();
    const over = this.#isOver();
    this.#state = { at: "answering" };
    const read = pairingOffer.safeParse(offer);
    if (over || state.at !== "joined" || !read.success || !this.#isExpected(read.data)) throw this.#fail();
    const { share, keys } = this.#exchange(read.data, state.half);
    this.#prs.reveal().fill(0);
    const signed = signedBytes("pair", { role: "joiner", transcript: keys.transcript });
    const signature = await this.#options.signer.sign(signed);
    if (!this.#isAnswering()) throw this.#fail();
    this.#state = { at: "answered", keys: new Secret(keys), maker: read.data.side };
    return {
      step: 2,
      share: toBase64Url(share),
      side: this.#side,
      tag: toBase64Url(tagOf("joiner", keys)),
      signature: toBase64Url(signature),
    };
  }

  /**
   * Message 3: the peer to pin. The same one may come again after a cut and gives the same peer. Throws
   * `pairing_failed`.
   */
  finish(confirm: unknown): PairedPeer {
    const state = this.#state;
    const read = pairingConfirm.safeParse(confirm);
    if (state.at === "paired") {
      if (read.success && isSame(state.confirm, read.data)) return state.peer;
      throw pairingFailed();
    }
    if (state.at !== "answered" || !read.success || this.#isOver()) throw this.#fail();
    const keys = state.keys.reveal();
    if (!this.#isProved(state.maker, read.data, keys)) throw this.#fail();
    const peer = peerOf(this.#options.crypto, state.maker, keys);
    this.#forget();
    this.#state = { at: "paired", confirm: read.data, peer };
    return peer;
  }

  /** Gives up. A pairing that has finished stays. */
  cancel(): void {
    if (this.#state.at !== "paired") this.#fail();
  }

  /** The maker is the one of the link, and is not this device itself: known before anything is answered. */
  #isExpected(offer: PairingOffer): boolean {
    const { crypto, signer } = this.#options;
    const key = bytesOf(offer.side.identity_key);
    if (equalBytes(key, signer.publicKey)) return false;
    return this.#secret.way === "code" || deviceIdOf(crypto.sha256(key)) === this.#secret.maker;
  }

  #exchange(offer: PairingOffer, joinerHalf: string): { share: Uint8Array; keys: PairingKeys } {
    const input = cpaceInput(this.#options, {
      way: this.#secret.way,
      secret: this.#prs.reveal(),
      makerHalf: offer.session,
      joinerHalf,
    });
    const own = makeShare(this.#options.crypto.randomBytes, input);
    const maker = sentBy("maker", offer.share, offer.side);
    const joiner = sentBy("joiner", toBase64Url(own.share), this.#side);
    const isk = cpaceKey(own, input.session, { initiator: maker, responder: joiner, theirs: "initiator" });
    if (isk === undefined) throw this.#fail();
    return { share: own.share, keys: pairingKeys(isk, { input, maker, joiner }) };
  }

  /** Tag, then signature. That it is not this device itself was seen before the answer. */
  #isProved(maker: PairingSide, confirm: PairingConfirm, keys: PairingKeys): boolean {
    if (!equalSecretBytes(tagOf("maker", keys), bytesOf(confirm.tag))) return false;
    const signed = signedBytes("pair", { role: "maker", transcript: keys.transcript });
    const { crypto } = this.#options;
    return crypto.verifyEd25519(bytesOf(maker.identity_key), signed, bytesOf(confirm.signature));
  }

  /** False when the person gave up meanwhile, or a second offer came. */
  #isAnswering(): boolean {
    return this.#state.at === "answering";
  }

  #fail(): Error {
    this.#forget();
    this.#state = { at: "spent" };
    return pairingFailed();
  }

  #forget(): void {
    if (this.#state.at === "answered") wipe(this.#state.keys.reveal());
    this.#prs.reveal().fill(0);
  }
}

function isSame(a: PairingConfirm, b: PairingConfirm): boolean {
  return a.tag === b.tag && a.signature === b.signature;
}
