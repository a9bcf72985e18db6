// How often one source may do one thing: a bucket of tokens per source that fills up again with time.
//
// Memory is bounded: a bucket that is full again says nothing and is dropped, and at the bound the source that
// was quiet for longest makes room. Whoever has enough addresses to use that has enough to begin with.
import type { Clock } from "../world/world.ts";

export interface RateLimit {
  /** Uses in a row before the source has to wait. */
  burst: number;
  /** In which a spent bucket is full again. */
  refillMs: number;
  sourcesMax?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

const SOURCES_MAX = 50_000;

export class RateLimiter {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #burst: number;
  readonly #perMs: number;
  readonly #sourcesMax: number;
  // Least recently used first.
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Pick<Clock, "monotonic">, { burst, refillMs, sourcesMax = SOURCES_MAX }: RateLimit) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perMs = burst / refillMs;
    this.#sourcesMax = sourcesMax;
  }

  get sources(): number {
    return this.#buckets.size;
  }

  /** 0 when the use is granted, else how long to wait until the next one would be, in milliseconds. */
  take(source: string): number {
    const now = this.#clock.monotonic();
    const bucket = this.#bucketOf(source, now);
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / this.#perMs);
    bucket.tokens--;
    return 0;
  }

  #bucketOf(source: string, now: number): Bucket {
    const known = this.#buckets.get(source);
    this.#buckets.delete(source);
    const bucket = known ?? { tokens: this.#burst, atMs: now };
    bucket.tokens = this.#filled(bucket, now);
    bucket.atMs = now;
    this.#buckets.set(source, bucket);
    if (known === undefined) this.#makeRoom(now);
    return bucket;
  }

  #filled({ tokens, atMs }: Bucket, now: number): number {
    return Math.min(this.#burst, tokens + (now - atMs) * this.#perMs);
  }

  // Two looked at for each one added, so the map shrinks by itself and no call ever walks all of it.
  #makeRoom(now: number): void {
    let looks = 2;
    for (const [source, bucket] of this.#buckets) {
      if (looks-- === 0 || this.#buckets.size === 1) return;
      const full = this.#filled(bucket, now) >= this.#burst && bucket.atMs !== now;
      if (!full && this.#buckets.size <= this.#sourcesMax) return;
      this.#buckets.delete(source);
    }
  }
}

/**
 * What counts as one source: an IPv4 address, or the /64 that one IPv6 customer has to themselves. Text that is
 * no address counts as it stands.
 */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length;
    while (groups.length < 8 - after) groups.push("0");
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
