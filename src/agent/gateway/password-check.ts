// Whether a password opens a share. Slow on purpose the first time (argon2id, a few at once); after that a
// visitor's right password is known by its HMAC, so programs that send it with every request cost little.
//
// What is remembered is bound to the visitor that proved it: an attacker elsewhere meets the slow way and the
// limits, and one at the same address has its five attempts like everybody there.

import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { Attempts, visitorKey } from "./attempts.ts";
import type { DeviceKey } from "./share-cookie.ts";
import type { ShareTarget } from "./share-target.ts";

/** argon2id. Never called on a way that every request takes. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(password: string, verifier: string): Promise<boolean>;
}

export type Verdict =
  | { readonly kind: "right" }
  | { readonly kind: "wrong" }
  /** Too many attempts, or too many at once. */
  | { readonly kind: "wait"; readonly waitMs: number };

export interface Guess {
  readonly share: ShareTarget;
  /** The visitor's address, from the hub. */
  readonly visitor: string;
  readonly password: string;
}

const RIGHT: Verdict = { kind: "right" };
const WRONG: Verdict = { kind: "wrong" };
const BUSY: Verdict = { kind: "wait", waitMs: 1_000 };

/** Each takes tens of megabytes and a core for a moment. */
const HASHES_AT_ONCE = 2;
const HASHES_WAITING = 32;
const REMEMBERED_MAX = 4_096;
/** What programs sent in the last minute, found without an HMAC: that cost 2 µs of each of their requests. */
const RECENT_MAX = 256;
const RECENT_MS = 60_000;
/** No honest password is longer, and hashing must not become work for its sender's amusement. */
export const PASSWORD_MAX_BYTES = 1_024;

export class PasswordCheck {
  readonly #hasher: PasswordHasher;
  readonly #device: DeviceKey;
  readonly #nowMs: () => number;
  readonly #attempts = new Attempts();
  /** HMACs of what was found right, and of what is known not to be ours; least recently used first. */
  readonly #remembered = new Map<string, "ours" | "not_ours">();
  /** Guesses as text, each known by its HMAC before. They count for a minute and go when the next one comes. */
  readonly #recent = new Set<string>();
  #recentUntilMs = 0;
  readonly #underWay = new Map<string, Promise<Verdict>>();
  #hashing = 0;
  readonly #waiting: (() => void)[] = [];

  /** `nowMs` is monotonic: attempts are counted by time that passes. */
  constructor(options: { hasher: PasswordHasher; device: DeviceKey; nowMs: () => number }) {
    this.#hasher = options.hasher;
    this.#device = options.device;
    this.#nowMs = options.nowMs;
  }

  /** At once: "ours" when this visitor has proved it, "not_ours" when it is known to be something else. */
  recall(guess: Guess): "ours" | "not_ours" | undefined {
    const nowMs = this.#nowMs();
    // Most of the time nobody is guessing, and then who asks need not be looked up.
    if (!this.#attempts.isEmpty && this.#attempts.visitorWaitMs(attemptOf(guess), nowMs) > 0)
      return undefined;
    const text = `${guess.share.id}\n${guess.share.passwordVersion}\n${guess.visitor}\n${guess.password}`;
    if (nowMs < this.#recentUntilMs && this.#recent.has(text)) return "ours";
    const known = this.#recall(this.#digestOf(guess));
    if (known === "ours") this.#noteRecent(text, nowMs);
    return known;
  }

  /** Counts as an attempt when it turns out wrong. */
  async check(guess: Guess): Promise<Verdict> {
    const attempt = attemptOf(guess);
    const nowMs = this.#nowMs();
    const visitorWaitMs = this.#attempts.visitorWaitMs(attempt, nowMs);
    if (visitorWaitMs > 0) return { kind: "wait", waitMs: visitorWaitMs };
    const digest = this.#digestOf(guess);
    if (this.#recall(digest) === "ours") return RIGHT;
    // The same password from the same visitor is looked at once, however many requests bring it at a time.
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    const shareWaitMs = this.#attempts.shareWaitMs(attempt, nowMs);
    if (shareWaitMs > 0) return { kind: "wait", waitMs: shareWaitMs };
    this.#attempts.begin(attempt, nowMs);
    const checking = this.#hashAndCompare(guess, digest)
      .then((verdict) => {
        if (verdict.kind !== "wrong") this.#attempts.giveBack(attempt, nowMs);
        return verdict;
      })
      .finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, checking);
    return checking;
  }

  /**
   * Whether what a visitor who is already let in sends along is our password, so that it must not reach the
   * app. Counts as no attempt.
   */
  async isOurs(guess: Guess): Promise<Verdict> {
    const digest = this.#digestOf(guess);
    const known = this.#recall(digest);
    if (known !== undefined) return known === "ours" ? RIGHT : WRONG;
    const verdict = await this.#hashAndCompare(guess, digest);
    if (verdict.kind === "wrong") this.#remember(digest, "not_ours");
    return verdict;
  }

  async #hashAndCompare({ share, password }: Guess, digest: string): Promise<Verdict> {
    if (share.passwordVerifier === null || utf8(password).length > PASSWORD_MAX_BYTES) return WRONG;
    if (!(await this.#turn())) return BUSY;
    try {
      if (!(await this.#hasher.verify(password, share.passwordVerifier))) return WRONG;
    } finally {
      this.#done();
    }
    this.#remember(digest, "ours");
    return RIGHT;
  }

  /** False when too many wait already. */
  async #turn(): Promise<boolean> {
    if (this.#hashing < HASHES_AT_ONCE) {
      this.#hashing++;
      return true;
    }
    if (this.#waiting.length >= HASHES_WAITING) return false;
    // Whoever is done hands on its place, so the count stays.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  #done(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#hashing--;
    else next();
  }

  #recall(digest: string): "ours" | "not_ours" | undefined {
    const known = this.#remembered.get(digest);
    if (known !== undefined) this.#remember(digest, known);
    return known;
  }

  #noteRecent(text: string, nowMs: number): void {
    if (nowMs >= this.#recentUntilMs || this.#recent.size >= RECENT_MAX) {
      this.#recent.clear();
      this.#recentUntilMs = nowMs + RECENT_MS;
    }
    this.#recent.add(text);
  }

  #remember(digest: string, what: "ours" | "not_ours"): void {
    this.#remembered.delete(digest);
    this.#remembered.set(digest, what);
    if (this.#remembered.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  #digestOf({ share, visitor, password }: Guess): string {
    // The password comes last: it alone may hold line breaks.
    const text = `muster/v1/password-memory\n${share.id}\n${share.passwordVersion}\n${visitorKey(visitor)}\n${password}`;
    return toBase64Url(this.#device.hmacSha256(this.#device.key, utf8(text)));
  }
}

function attemptOf({ share, visitor }: Guess) {
  return { shareId: share.id, visitor: visitorKey(visitor), chosenPassword: share.chosenPassword };
}
