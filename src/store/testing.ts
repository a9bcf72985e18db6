// For tests: stores in memory or in a folder of their own, and rows to begin with.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realDisk } from "../world/disk.ts";
import { openSqlite } from "../world/sqlite.ts";
import { AGENT_MIGRATIONS } from "./agent-migrations.ts";
import type { AgentDatabase } from "./agent-schema.ts";
import type { NewDevice } from "./devices.ts";
import { HUB_MIGRATIONS } from "./hub-migrations.ts";
import type { HubDatabase } from "./hub-schema.ts";
import { type Store, type StoreOptions, openStore } from "./open-store.ts";
import type { NewLogEntry } from "./owner-log-rows.ts";
import { addOwner } from "./owners.ts";

/** Wall time of every store made here. */
export const NOW = Date.UTC(2026, 10, 20, 6, 9, 38);

export const ROOT = "owner-one";
export const OTHER_ROOT = "owner-two";

export function storeOptions(changes: Partial<StoreOptions> = {}): StoreOptions {
  return {
    world: { clock: { now: () => NOW, monotonic: () => 0 }, disk: realDisk, openSqlite },
    path: ":memory:",
    migrations: HUB_MIGRATIONS,
    lossLevel: "error",
    onNotice: (notice) => {
      throw new Error(`no notice was expected: ${notice.message}`);
    },
    ...changes,
  };
}

/** A hub's store with two owners. */
export async function hubStore(changes: Partial<StoreOptions> = {}): Promise<Store<HubDatabase>> {
  const store = await openStore<HubDatabase>(storeOptions(changes));
  for (const owner_root of [ROOT, OTHER_ROOT]) {
    await addOwner(store.db, {
      owner_root,
      user_id: null,
      pin: digest(owner_root).slice(0, 16),
      created_at: NOW,
    });
  }
  return store;
}

export function agentStore(changes: Partial<StoreOptions> = {}): Promise<Store<AgentDatabase>> {
  return openStore<AgentDatabase>(storeOptions({ migrations: AGENT_MIGRATIONS, ...changes }));
}

export function newDevice(name: string, changes: Partial<NewDevice> = {}): NewDevice {
  return {
    deviceId: `id-${name}`,
    publicKey: digest(`key ${name}`),
    linkKey: digest(`link ${name}`),
    name,
    kind: "laptop",
    platform: "linux-x86_64",
    ownerRoot: ROOT,
    confirmed: true,
    ...changes,
  };
}

/** An entry whose hash is made of its number and `salt`; `previous` is that of the entry before. */
export function logEntry(number: number, salt = "", ownerRoot = ROOT): NewLogEntry {
  return {
    owner_root: ownerRoot,
    number,
    hash: digest(`entry ${number}${salt}`),
    json: JSON.stringify({ number }),
    previous: number === 0 ? undefined : digest(`entry ${number - 1}`),
  };
}

export function digest(text: string): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("sha256").update(text).digest());
}

/** What the promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

export interface TempFolder extends AsyncDisposable {
  file(name: string): string;
}

export async function tempFolder(): Promise<TempFolder> {
  const path = await mkdtemp(join(tmpdir(), "muster-store-"));
  return {
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}
