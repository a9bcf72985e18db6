// The side that made the code. The rule it keeps, whatever the hub does: one answer is looked at for each code,
// the first that comes, right, wrong or unreadable. What spends the code happens before anything is computed.

import { equalBytes, equalSecretBytes, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { pairingAnswer, pairingJoin } from "../../protocol/pairing-messages.ts";
import type {
  PairingAnswer,
  PairingConfirm,
  PairingOffer,
  PairingSide,
  PairingWay,
} from "../../protocol/pairing-messages.ts";
import { signedBytes } from "../../protocol/signed.ts";
import { Secret } from "../secret.ts";
import { cpaceKey, makeShare } from "./cpace.ts";
import type { CpaceInput, CpaceShare } from "./cpace.ts";
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

/** Joins without an answer that one code bears: each costs two multiplications. */
const OFFERS_MAX = 16;
const SESSION_HALF_BYTES = 16;

/** The two forms of one code: whoever joins says which one was used. */
export interface MakerSecrets {
  /** The four letters. */
  letters: string;
  /** The 16 bytes of the link; absent where no QR code is shown. */
  link?: Uint8Array;
}

type MakerState =
  | { at: "waiting" }
  | { at: "offered"; own: Secret<CpaceShare>; input: CpaceInput; offer: PairingOffer }
  | { at: "spent" }
  /** The first answer is good, and is being confirmed. */
  | { at: "confirming" }
  | { at: "paired"; confirm: PairingConfirm };

export class PairingMaker {
  readonly #options: PairingOptions;
  readonly #side: PairingSide;
  readonly #isOver: () => boolean;
  #secrets: Secret<{ code: Uint8Array; qr: Uint8Array | undefined }>;
  #offers = 0;
  #state: MakerState = { at: "waiting" };

  /** The five minutes begin here. */
  constructor(options: PairingOptions, secrets: MakerSecrets) {
    this.#options = options;
    this.#side = ownSide(options);
    this.#isOver = pairingExpiry(options.clock);
    this.#secrets = new Secret({ code: utf8(secrets.letters), qr: secrets.link?.slice() });
  }

  /** Message 1 for a joiner. One who joins again before answering gets a fresh one. Throws `pairing_failed`. */
  offer(join: unknown): PairingOffer {
    const { at } = this.#state;
    if (at !== "waiting" && at !== "offered") throw pairingFailed();
    const read = pairingJoin.safeParse(join);
    if (this.#isOver() || ++this.#offers > OFFERS_MAX) throw this.#fail();
    // No answer was given, so nothing is spent: who sent this may still join as it should.
    if (!read.success) throw pairingFailed();
    return this.#makeOffer(read.data.way, read.data.session);
  }

  /** The code is over, and nobody was paired by it. */
  get isSpent(): boolean {
    return this.#state.at === "spent";
  }

  /** The first answer was right. */
  get isProved(): boolean {
    return this.#state.at === "confirming" || this.#state.at === "paired";
  }

  /**
   * Message 2, the one guess. Returns message 3 and the peer to pin; store the pin first. Throws
   * `pairing_failed`, and then the code is over.
   */
  async finish(answer: unknown): Promise<{ confirm: PairingConfirm; peer: PairedPeer }> {
    const state = this.#state;
    // A second answer is refused and changes nothing of what became of the first.
    if (state.at === "paired" || state.at === "confirming") throw pairingFailed();
    const over = this.#isOver();
    this.#spend();
    const read = pairingAnswer.safeParse(answer);
    if (over || state.at !== "offered" || !read.success) throw pairingFailed();
    const keys = this.#keysOf(state, read.data);
    if (keys === undefined) throw pairingFailed();
    try {
      this.#check(read.data, keys);
      this.#state = { at: "confirming" };
      const confirm = await this.#confirm(keys);
      if (!this.#isConfirming()) throw pairingFailed();
      const peer = peerOf(this.#options.crypto, read.data.side, keys);
      this.#state = { at: "paired", confirm };
      return { confirm, peer };
    } finally {
      wipe(keys);
    }
  }

  /** Message 3 once more, the very same, after a cut; undefined when there is none or its five minutes are over. */
  confirmAgain(): PairingConfirm | undefined {
    return this.#state.at === "paired" && !this.#isOver() ? this.#state.confirm : undefined;
  }

  /** Ends the code: the person gave up, or the hub dropped the mailbox. A pairing that has finished stays. */
  cancel(): void {
    if (this.#state.at !== "paired") this.#spend();
  }

  #makeOffer(way: PairingWay, joinerHalf: string): PairingOffer {
    const secret = this.#secrets.reveal()[way];
    if (secret === undefined) throw pairingFailed();
    const { randomBytes } = this.#options.crypto;
    const makerHalf = toBase64Url(randomBytes(SESSION_HALF_BYTES));
    const input = cpaceInput(this.#options, { way, secret, makerHalf, joinerHalf });
    const own = makeShare(randomBytes, input);
    const offer: PairingOffer = {
      step: 1,
      session: makerHalf,
      share: toBase64Url(own.share),
      side: this.#side,
    };
    this.#state = { at: "offered", own: new Secret(own), input, offer };
    return offer;
  }

  #keysOf(state: MakerState & { at: "offered" }, answer: PairingAnswer): PairingKeys | undefined {
    const maker = sentBy("maker", state.offer.share, state.offer.side);
    const joiner = sentBy("joiner", answer.share, answer.side);
    const isk = cpaceKey(state.own.reveal(), state.input.session, {
      initiator: maker,
      responder: joiner,
      theirs: "responder",
    });
    return isk === undefined ? undefined : pairingKeys(isk, { input: state.input, maker, joiner });
  }

  /** Tag, then signature, then that it is not this device itself. */
  #check(answer: PairingAnswer, keys: PairingKeys): void {
    if (!equalSecretBytes(tagOf("joiner", keys), bytesOf(answer.tag))) throw pairingFailed();
    const key = bytesOf(answer.side.identity_key);
    const signed = signedBytes("pair", { role: "joiner", transcript: keys.transcript });
    const { crypto, signer } = this.#options;
    if (!crypto.verifyEd25519(key, signed, bytesOf(answer.signature))) throw pairingFailed();
    if (equalBytes(key, signer.publicKey)) throw pairingFailed();
  }

  async #confirm(keys: PairingKeys): Promise<PairingConfirm> {
    const tag = tagOf("maker", keys);
    const signed = signedBytes("pair", { role: "maker", transcript: keys.transcript });
    const signature = await this.#options.signer.sign(signed);
    return { step: 3, tag: toBase64Url(tag), signature: toBase64Url(signature) };
  }

  /** False when the person gave up meanwhile. */
  #isConfirming(): boolean {
    return this.#state.at === "confirming";
  }

  #fail(): Error {
    this.#spend();
    return pairingFailed();
  }

  #spend(): void {
    this.#state = { at: "spent" };
    const { code, qr } = this.#secrets.reveal();
    code.fill(0);
    qr?.fill(0);
  }
}
