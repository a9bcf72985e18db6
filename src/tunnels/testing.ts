// For tests: a hub's store with a fake Cloudflare, time that jumps when nothing else happens, and a fuse that kills
// the program at its n-th step towards the disk or the provider.

import type { Kysely } from "kysely";
import { FakeCloudflare } from "../../test/fakes/cloudflare/cloudflare.ts";
import { Secret } from "../identity/secret.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import { createSealer } from "../store/seal.ts";
import { NOW, hubStore } from "../store/testing.ts";
import { listNamedHosts } from "../store/named-hosts.ts";
import { listTunnels, listTunnelSteps } from "../store/tunnel-rows.ts";
import type { Random, World } from "../world/world.ts";
import { createCloudflareApi } from "./cloudflare/api.ts";
import { createNamedHosts, type NamedHosts } from "./cloudflare/hosts.ts";
import type { Workshop } from "./cloudflare/journal.ts";
import { createNamedLink, type NamedLink } from "./cloudflare/named.ts";
import type { TunnelCredentials } from "./link.ts";

export const HUB_ID = "hubhubh-ubhubhu-bhubhub-hubhubh";
export const DEVICE = "abcdefg-hijklmn-opqrstu-vwxyz23";
export const HOSTNAME = "pi.example.com";

export class TestTime {
  nowMs = 0;
  readonly #entries = new Set<{ atMs: number; run(): void }>();

  readonly clock = { now: () => NOW + this.nowMs, monotonic: () => this.nowMs };
  readonly timers: World["timers"] = {
    after: (delayMs, run) => {
      const entry = { atMs: this.nowMs + delayMs, run };
      this.#entries.add(entry);
      return { cancel: () => void this.#entries.delete(entry) };
    },
    every: (periodMs, run) => {
      const entry = {
        atMs: this.nowMs + periodMs,
        run: () => {
          entry.atMs += periodMs;
          this.#entries.add(entry);
          run();
        },
      };
      this.#entries.add(entry);
      return { cancel: () => void this.#entries.delete(entry) };
    },
    soon: (run) => void setImmediate(run),
  };

  /** Runs what is due on the way. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#entries.delete(next);
      this.nowMs = next.atMs;
      next.run();
      await idle();
    }
    this.nowMs = untilMs;
    await idle();
  }

  /** The promise's outcome, with time jumping to the next timer whenever nothing else happens. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    for (;;) {
      await idle();
      if (settled) return promise;
      const next = this.#next(Number.POSITIVE_INFINITY);
      if (next !== undefined) await this.advance(next.atMs - this.nowMs);
    }
  }

  #next(untilMs: number): { atMs: number; run(): void } | undefined {
    return [...this.#entries].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Turns of the loop in which nothing is left to settle. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export class Killed extends Error {}

/** Blows at the n-th tick, and from then on at every one: a killed program does nothing more. */
export class Fuse {
  ticks = 0;
  blown = false;
  readonly #at: number;

  constructor(at: number = Number.POSITIVE_INFINITY) {
    this.#at = at;
  }

  tick(): void {
    this.ticks += 1;
    if (this.ticks >= this.#at) this.blown = true;
    if (this.blown) throw new Killed(`killed at step ${this.ticks}`);
  }
}

const WRITES = new Set(["insertInto", "updateTable", "deleteFrom", "transaction", "selectFrom"]);

/** The same database, which the fuse cuts off before any call. */
function fusedDatabase(db: Kysely<HubDatabase>, fuse: Fuse): Kysely<HubDatabase> {
  return new Proxy(db, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...values: unknown[]): unknown => {
        if (WRITES.has(String(name))) fuse.tick();
        return value.apply(target, values) as unknown;
      };
    },
  });
}

/** Different at every call, the same in every run. */
export function countedRandom(): Random {
  let calls = 0;
  return {
    bytes(length) {
      calls += 1;
      return new Uint8Array(new Bun.CryptoHasher("sha512").update(`random ${calls}`).digest()).slice(
        0,
        length,
      );
    },
    fraction: () => 0.5,
  };
}

export interface TestHub extends AsyncDisposable {
  fake: FakeCloudflare;
  time: TestTime;
  db: Kysely<HubDatabase>;
  shop: Workshop;
  link: NamedLink;
  hosts: NamedHosts;
  /** Another run of the program on the same disk. */
  restart(fuse?: Fuse): { shop: Workshop; link: NamedLink; hosts: NamedHosts };
}

export async function testHub(): Promise<TestHub> {
  const store = await hubStore();
  const time = new TestTime();
  const fake = new FakeCloudflare({ now: () => time.clock.now() });
  const random = countedRandom();
  const sealer = createSealer(new Uint8Array(32).fill(7), random);
  const restart = (fuse = new Fuse()) => {
    const api = createCloudflareApi({
      settings: { accountId: fake.accountId, zoneId: fake.zoneId, token: new Secret(fake.token) },
      world: {
        clock: time.clock,
        timers: time.timers,
        network: {
          async fetch(url, init) {
            fuse.tick();
            const response = await fake.fetch(url, init);
            fuse.tick();
            return response;
          },
        },
      },
    });
    const shop: Workshop = {
      db: fusedDatabase(store.db, fuse),
      api,
      sealer,
      hubId: HUB_ID,
      world: { clock: time.clock, timers: time.timers, random },
      log: SILENT_LOG,
    };
    return { shop, link: createNamedLink(shop), hosts: createNamedHosts(shop) };
  };
  const first = restart();
  return { fake, time, db: store.db, ...first, restart, [Symbol.asyncDispose]: () => store.close() };
}

/** What stands at the provider in words, to be compared with `recorded`. */
export function atProvider(fake: FakeCloudflare): string[] {
  const tunnels = fake.state.standing().map(({ id, name }) => `tunnel ${name} ${id}`);
  const records = [...fake.state.records.values()]
    .filter(({ comment }) => comment === `muster ${HUB_ID}`)
    .map(({ id, name, content }) => `record ${name} ${content} ${id}`);
  return [...tunnels, ...records].sort();
}

/** What should stand there by the hub's record. */
export async function recorded(db: Kysely<HubDatabase>): Promise<string[]> {
  const tunnels = await listTunnels(db);
  const shares = await listNamedHosts(db);
  return [
    ...tunnels.map(({ name, tunnel_id: id }) => `tunnel ${name} ${id}`),
    ...[...tunnels, ...shares].map(
      ({ hostname, tunnel_id: id, record_id: recordId }) =>
        `record ${hostname} ${id}.cfargotunnel.com ${recordId}`,
    ),
  ].sort();
}

/** Names of what stands at the provider and no row speaks of. */
export async function unrecorded({ db, fake }: Pick<TestHub, "db" | "fake">): Promise<string[]> {
  const rows = await listTunnels(db);
  const names = new Set(rows.map(({ name }) => name));
  const hostnames = new Set([
    ...rows.flatMap(({ hostname, old_hostname: old }) => [hostname, old]),
    ...(await listNamedHosts(db)).map(({ hostname }) => hostname),
  ]);
  return [
    ...fake.state
      .standing()
      .filter(({ name }) => !names.has(name))
      .map(({ name }) => name),
    ...[...fake.state.records.values()]
      .filter(({ name, comment }) => comment !== null && !hostnames.has(name))
      .map(({ name }) => name),
  ];
}

export async function journalLength(db: Kysely<HubDatabase>): Promise<number> {
  let length = 0;
  for (const { holder } of await listTunnels(db)) length += (await listTunnelSteps(db, holder)).length;
  return length;
}

export function secretText(credentials: TunnelCredentials | undefined): string | undefined {
  return credentials && Buffer.from(credentials.secret.reveal()).toString("base64");
}
