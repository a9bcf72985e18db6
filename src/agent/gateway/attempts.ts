// Counts wrong passwords within the last minute: five for one share and visitor, and thirty for one share
// whose word a person chose. An attempt counts from when it begins, so a burst at once gains nothing, and is
// given back when it was right.

const WINDOW_MS = 60_000;
const PER_VISITOR = 5;
const PER_SHARE = 30;
/** With more keys than this the oldest is forgotten: it costs an attacker that many addresses. */
const KEYS_MAX = 10_000;

export interface Attempt {
  readonly shareId: string;
  /** `visitorKey` of the address that the hub handed on. */
  readonly visitor: string;
  /** The share as a whole is bounded too. */
  readonly chosenPassword: boolean;
}

export class Attempts {
  /** Key → when each counted attempt began, oldest first. Recently used keys are last. */
  readonly #began = new Map<string, number[]>();

  /** Nobody has tried lately: nobody waits. */
  get isEmpty(): boolean {
    return this.#began.size === 0;
  }

  /** Milliseconds until this visitor may try again; 0 when now. */
  visitorWaitMs(attempt: Attempt, nowMs: number): number {
    return this.#waitMs(visitorBucket(attempt), PER_VISITOR, nowMs);
  }

  /** The same for the share as a whole. */
  shareWaitMs(attempt: Attempt, nowMs: number): number {
    return attempt.chosenPassword ? this.#waitMs(shareBucket(attempt), PER_SHARE, nowMs) : 0;
  }

  begin(attempt: Attempt, nowMs: number): void {
    this.#add(visitorBucket(attempt), nowMs);
    if (attempt.chosenPassword) this.#add(shareBucket(attempt), nowMs);
  }

  /** It was right, or never looked at. */
  giveBack(attempt: Attempt, beganMs: number): void {
    this.#take(visitorBucket(attempt), beganMs);
    if (attempt.chosenPassword) this.#take(shareBucket(attempt), beganMs);
  }

  #waitMs(key: string, limit: number, nowMs: number): number {
    const began = this.#began.get(key);
    if (began === undefined) return 0;
    while (began[0] !== undefined && began[0] + WINDOW_MS <= nowMs) began.shift();
    if (began.length === 0) this.#began.delete(key);
    const oldest = began.at(-limit);
    return oldest === undefined ? 0 : oldest + WINDOW_MS - nowMs;
  }

  #add(key: string, nowMs: number): void {
    const began = this.#began.get(key) ?? [];
    began.push(nowMs);
    this.#began.delete(key);
    this.#began.set(key, began);
    if (this.#began.size <= KEYS_MAX) return;
    const [oldest] = this.#began.keys();
    if (oldest !== undefined) this.#began.delete(oldest);
  }

  #take(key: string, beganMs: number): void {
    const began = this.#began.get(key);
    const at = began?.lastIndexOf(beganMs) ?? -1;
    if (at >= 0) began?.splice(at, 1);
    if (began?.length === 0) this.#began.delete(key);
  }
}

function visitorBucket({ shareId, visitor }: Attempt): string {
  return `${shareId}\n${visitor}`;
}

function shareBucket({ shareId }: Attempt): string {
  return shareId;
}

/** Who counts as one visitor: an IPv4 address, or the /64 that an IPv6 line is given. */
export function visitorKey(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const mapped = address.lastIndexOf(":") + 1;
  if (address.includes(".")) return address.slice(mapped);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array<string>(missing).fill("0"), ...last];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
