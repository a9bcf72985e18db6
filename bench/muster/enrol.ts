// Puts many devices into a hub that does not run: owner logs signed as any other, rows as joining leaves them.
// Joining itself is not what the fleet row measures.
import { sha256 } from "@noble/hashes/sha2.js";
import { beginLog, appendEntry, type OwnerLog } from "../../src/identity/owner-log.ts";
import { pinOf } from "../../src/identity/setup-token.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import type { Crypto, Signer } from "../../src/identity/crypto.ts";
import { toBase64Url, utf8 } from "../../src/protocol/bytes.ts";
import { deviceIdOf } from "../../src/protocol/ids.ts";
import { addDevice, noteSeen } from "../../src/store/devices.ts";
import { HUB_MIGRATIONS } from "../../src/store/hub-migrations.ts";
import type { HubDatabase } from "../../src/store/hub-schema.ts";
import { openStore } from "../../src/store/open-store.ts";
import { appendLogEntry } from "../../src/store/owner-log-rows.ts";
import { addOwner } from "../../src/store/owners.ts";
import { logRow } from "../../src/hub/owner-logs.ts";
import { realWorld } from "../../src/world/real.ts";

/** A small company; ten thousand devices are a hundred of them. */
export const DEVICES_PER_OWNER = 100;

export const benchCrypto: Crypto = nodeCrypto((length) => realWorld.random.bytes(length));

/** The keys of the bench's devices follow from their numbers, so that the driver has them too. */
export function deviceSigner(index: number): Signer {
  return benchCrypto.ed25519Signer(sha256(utf8(`bench device ${index}`)));
}

export function deviceName(index: number): string {
  return `device-${index}`;
}

export async function ownerOf(owner: number): Promise<{ signer: Signer; log: OwnerLog }> {
  // The log's nonce follows from its number too.
  const fixed: Crypto = { ...benchCrypto, randomBytes: () => sha256(utf8(`bench nonce ${owner}`)) };
  const signer = benchCrypto.ed25519Signer(sha256(utf8(`bench owner ${owner}`)));
  const about = { name: `owner-${owner}`, kind: "laptop", platform: "linux" } as const;
  const log = await beginLog(fixed, signer, { ...about, link_key: toBase64Url(signer.publicKey) });
  return { signer, log };
}

export async function enrol(
  databasePath: string,
  hubKey: Uint8Array,
  { count, perOwner = DEVICES_PER_OWNER }: { count: number; perOwner?: number | undefined },
): Promise<void> {
  const store = await openStore<HubDatabase>({
    world: realWorld,
    path: databasePath,
    migrations: HUB_MIGRATIONS,
    lossLevel: "error",
    onNotice() {},
  });
  try {
    // One commit for all: what each costs is the hub's affair, not the bench's.
    await store.db.transaction().execute(async (db) => {
      for (let first = 0; first < count; first += perOwner) {
        await enrolOwner(db, hubKey, {
          owner: first / perOwner,
          first,
          end: Math.min(count, first + perOwner),
        });
      }
    });
  } finally {
    await store.close();
  }
}

async function enrolOwner(
  db: Parameters<typeof addOwner>[0],
  hubKey: Uint8Array,
  { owner, first, end }: { owner: number; first: number; end: number },
): Promise<void> {
  const now = realWorld.clock.now();
  const { signer, log: begun } = await ownerOf(owner);
  const root = toBase64Url(begun.id);
  const pin = pinOf(benchCrypto, begun.id, hubKey);
  await addOwner(db, { owner_root: root, user_id: null, pin, created_at: now });
  let log = begun;
  await storeLast(db, root, log);
  for (let index = first; index < end; index += 1) {
    const { publicKey } = deviceSigner(index);
    const about = { name: deviceName(index), kind: "vps", platform: "linux" } as const;
    const keys = { public_key: toBase64Url(publicKey), link_key: toBase64Url(publicKey) };
    log = await appendEntry(benchCrypto, log, {
      kind: "member",
      body: { ...about, ...keys, ssh_host_keys: [], claim: null },
      signer,
    });
    await storeLast(db, root, log);
    const deviceId = deviceIdOf(benchCrypto.sha256(publicKey));
    const device = { ...about, deviceId, publicKey, linkKey: publicKey, ownerRoot: root, confirmed: true };
    await addDevice(db, device, now);
    // As if it had been there before: a hub takes many unproven connections only from where devices live.
    await noteSeen(db, [{ deviceId, at: now, facts: { source: "127.0.0.1" } }]);
  }
}

async function storeLast(db: Parameters<typeof addOwner>[0], root: string, log: OwnerLog): Promise<void> {
  const entry = log.entries.at(-1);
  if (entry !== undefined) await appendLogEntry(db, logRow(root, log, entry));
}
