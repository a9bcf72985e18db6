// Answers the prober: `/.muster/proof?nonce=…`, open to everybody, proves that the address it was asked at
// leads to this share on this device, and says whether what the share points at can be reached.

import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { isProofNonce, proofText, type ProofAnswer } from "../../protocol/proof-text.ts";
import { jsonReply, problemReply, type Reply } from "./reply.ts";
import type { HmacSha256 } from "./share-cookie.ts";
import { askerOf, type ShareRequest, type ShareTarget } from "./share-target.ts";

/** Strangers may ask as often as they like: the target is looked at no more often than this. */
const LOOK_EVERY_MS = 1_000;

export interface ProofOptions {
  readonly hmacSha256: HmacSha256;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Whether an app accepts a connection, or a page is there. */
  readonly isReachable: (share: ShareTarget) => Promise<boolean>;
}

export class ProofDesk {
  readonly #options: ProofOptions;
  /** By share: at most as many as the device has, and old ones are dropped with the share. */
  readonly #looks = new Map<string, { atMs: number; reachable: Promise<boolean> }>();

  constructor(options: ProofOptions) {
    this.#options = options;
  }

  async reply(request: ShareRequest): Promise<Reply> {
    const { share, head, open } = request;
    const nonce = new URLSearchParams(head.target.slice(head.target.indexOf("?") + 1)).get("nonce") ?? "";
    if (!isProofNonce(nonce)) {
      return problemReply(
        {
          code: "bad_request",
          title: "This is no nonce",
          message: "A proof is asked for with a nonce of 22 to 86 characters in base64url.",
          hop: "share",
        },
        askerOf(request),
      );
    }
    const mac = this.#options.hmacSha256(share.proofKey, utf8(proofText(nonce, head.host, open.link)));
    const reachable = await this.#look(share);
    const answer: ProofAnswer = { nonce, mac: toBase64Url(mac), target: reachable ? "ok" : "refused" };
    return jsonReply(200, JSON.stringify(answer));
  }

  /** The share is gone. */
  forget(shareId: string): void {
    this.#looks.delete(shareId);
  }

  #look(share: ShareTarget): Promise<boolean> {
    const atMs = this.#options.nowMs();
    const last = this.#looks.get(share.id);
    if (last !== undefined && atMs - last.atMs < LOOK_EVERY_MS) return last.reachable;
    const reachable = this.#options.isReachable(share).catch(() => false);
    this.#looks.set(share.id, { atMs, reachable });
    return reachable;
  }
}
