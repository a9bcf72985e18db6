// Whom the hub relays between, in memory beside the database: every relayed message asks.
import type { Kysely } from "kysely";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { listPairs, removePair, reportPin, type ReportOutcome } from "../../store/pairs.ts";

export class Pairs {
  readonly #db: Kysely<HubDatabase>;
  readonly #now: () => number;
  readonly #peers = new Map<string, Set<string>>();
  /** Pairs whose rows are being removed. */
  readonly #ending = new Set<string>();
  /** Pairs that are over, and whose rows could not be removed: after a restart they would be back. */
  readonly #leftovers = new Set<string>();

  constructor(db: Kysely<HubDatabase>, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  async load(): Promise<void> {
    for (const { low, high } of await listPairs(this.#db)) this.#add(low, high);
  }

  has(one: string, other: string): boolean {
    return this.#peers.get(one)?.has(other) === true;
  }

  /** Whether this pair is over, and its row still there. */
  isLeftover(one: string, other: string): boolean {
    return this.#leftovers.has(nameOf(one, other));
  }

  /** Keys that are paired with any. */
  get keyCount(): number {
    return this.#peers.size;
  }

  peersOf(key: string): readonly string[] {
    return [...(this.#peers.get(key) ?? [])];
  }

  /** One side's word that it has pinned the other; durable when it resolves. */
  async report(by: string, peer: string): Promise<ReportOutcome> {
    // The other's word in a row that should be gone counts no more.
    if (this.isLeftover(by, peer)) await this.remove(by, peer);
    const outcome = await reportPin(this.#db, { by, peer }, this.#now());
    if (outcome !== "whole") return outcome;
    // Its row goes in the next moment: here it is gone already.
    if (this.#ending.has(nameOf(by, peer))) return "half";
    this.#add(by, peer);
    return outcome;
  }

  async remove(one: string, other: string): Promise<boolean> {
    this.#peers.get(one)?.delete(other);
    this.#peers.get(other)?.delete(one);
    for (const key of [one, other]) if (this.#peers.get(key)?.size === 0) this.#peers.delete(key);
    const name = nameOf(one, other);
    this.#ending.add(name);
    try {
      const removed = await removePair(this.#db, one, other);
      this.#leftovers.delete(name);
      return removed;
    } catch (error) {
      this.#leftovers.add(name);
      throw error;
    } finally {
      this.#ending.delete(name);
    }
  }

  #add(one: string, other: string): void {
    this.#of(one).add(other);
    this.#of(other).add(one);
  }

  #of(key: string): Set<string> {
    const known = this.#peers.get(key) ?? new Set<string>();
    this.#peers.set(key, known);
    return known;
  }
}

/** The same for either order. */
function nameOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
