// What the rest of a hub stands on: its database and the books over it, the port it got, what it is called, who
// is connected, and the picture of the fleet that follows from all that.
import type { Kysely } from "kysely";
import { systemCode, MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { HUB_MIGRATIONS } from "../../store/hub-migrations.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { openStore } from "../../store/open-store.ts";
import { createSealer, type Sealer } from "../../store/seal.ts";
import { getSetting, setSetting } from "../../store/settings.ts";
import { Addresses } from "../addresses.ts";
import { createAudit, type Audit } from "../audit.ts";
import { DeviceBook } from "../device-book.ts";
import { Offers } from "../devices/offers.ts";
import { Fleet } from "../fleet.ts";
import type { HubOptions } from "../hub-options.ts";
import { listenEverywhere, wantedPort } from "../listen.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import { OwnerLogs } from "../owner-logs.ts";
import { Directory, type DirectoryEvents } from "../sessions/directory.ts";
import { ShareTable } from "../shares/share-table.ts";
import { VouchedLogs } from "../vouched-logs.ts";

export interface Core {
  id: string;
  now(): number;
  db: Kysely<HubDatabase>;
  sealer: Sealer;
  listening: Awaited<ReturnType<typeof listenEverywhere>>;
  addresses: Addresses;
  metrics: Metrics;
  audit: Audit;
  ownerLogs: OwnerLogs;
  devices: DeviceBook;
  shares: ShareTable;
  directory: Directory;
  offers: Offers;
  fleet: Fleet;
  closeStore(): Promise<void>;
}

/** `sessions` hears of sessions, of which there are none before the front is open. */
export async function openCore(options: HubOptions, sessions: DirectoryEvents): Promise<Core> {
  const { world, crypto, log, signer, version } = options;
  const id = deviceIdOf(crypto.sha256(signer.publicKey));
  const now = (): number => world.clock.now();
  const store = await openStore<HubDatabase>({
    world,
    path: options.databasePath,
    migrations: HUB_MIGRATIONS,
    lossLevel: "error",
    onNotice: options.onNotice,
  });
  const { db } = store;
  const listening = await listenWhereWanted(options, db);
  await setSetting(db, "port", listening.port);
  const ownerLogs = new OwnerLogs({ db, crypto, hubKey: signer.publicKey, now });
  const sealer = createSealer(options.secret.reveal(), world.random);
  const changed = (deviceId: string): void => fleet.changed(deviceId);
  const devices = new DeviceBook({ db, ownerLogs, now, changed });
  const shares = new ShareTable({ db, sealer, now, changed });
  const directory = new Directory(world.timers, sessions);
  const offers = new Offers({ db, changed });
  const addresses = addressesOf(options, listening.port);
  const fleet: Fleet = new Fleet({
    addresses,
    devices,
    shares,
    directory,
    offers,
    ownerLogs,
    now,
    timers: world.timers,
    hub: {
      id,
      version,
    },
  });
  await ownerLogs.load(new VouchedLogs({ db, crypto, secret: options.secret }));
  await devices.load();
  await offers.load();
  await shares.load();
  return {
    id,
    now,
    db,
    sealer,
    listening,
    addresses,
    ownerLogs,
    devices,
    shares,
    directory,
    offers,
    fleet,
    metrics: createMetrics(),
    audit: createAudit({
      db,
      clock: world.clock,
      log,
    }),
    closeStore: () => store.close(),
  };
}

function addressesOf(options: HubOptions, port: number): Addresses {
  return new Addresses({
    port,
    https: options.tls !== undefined || options.publicPort === 443,
    domain: options.domain,
    shareDomain: options.shareDomain,
    publicPort: options.publicPort,
    ownAddresses: () => ownAddresses(options),
  });
}

/** What this machine is called where it listens. */
function ownAddresses({ world, binding }: HubOptions): string[] {
  const everywhere = binding.hosts.some((host) => host === "0.0.0.0" || host === "::");
  return everywhere ? world.network.interfaces().map((one) => one.address) : [...binding.hosts];
}

async function rememberedPort(db: Core["db"]): Promise<number | undefined> {
  const port = await getSetting(db, "port");
  return typeof port === "number" ? port : undefined;
}

async function listenWhereWanted(
  { world, binding, tls }: HubOptions,
  db: Core["db"],
): Promise<Core["listening"]> {
  const remembered = await rememberedPort(db);
  try {
    return await listenEverywhere(world.network, {
      ...binding,
      remembered,
      ...(tls === undefined ? {} : { tls }),
    });
  } catch (error) {
    const port = wantedPort({ port: binding.port, remembered, ...(tls === undefined ? {} : { tls }) });
    const code = systemCode(error);
    if (code === "EADDRINUSE") {
      throw new MusterError("port_taken", `port ${port} is taken`, {
        hint: "choose another with --port N, or a free one with --port 0",
        cause: error,
      });
    }
    if (code === "EACCES") {
      throw new MusterError("forbidden", `this user may not listen on port ${port}`, {
        hint: "choose a port above 1023 with --port N",
        cause: error,
      });
    }
    if (
      error instanceof Error &&
      (code === "EADDRNOTAVAIL" || error.message.startsWith("Failed to listen"))
    ) {
      throw new MusterError("invalid", `this machine has no address ${binding.hosts[0] ?? ""} to listen on`, {
        hint: "choose one of its own with --host, or 0.0.0.0 for all of them",
        cause: error,
      });
    }
    throw error;
  }
}
