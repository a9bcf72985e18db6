// What follows from devices being here or not: the proofs of their shares, the relay between them, and how they
// come and go for good.
import { fromBase64Url } from "../../protocol/bytes.ts";
import { Mailboxes } from "../pairing/mailboxes.ts";
import { Pairs } from "../relay/pairs.ts";
import { RelayDesk } from "../relay/relay-desk.ts";
import { Relay } from "../relay/relay.ts";
import { DeviceLife } from "../devices/device-life.ts";
import { openNamedLinks } from "../devices/named-links.ts";
import { openHome } from "../home.ts";
import type { HubOptions } from "../hub-options.ts";
import { Prober } from "../prober.ts";
import type { DirectoryEvents } from "../sessions/directory.ts";
import { tellLogNews } from "../sessions/log-news.ts";
import type { Session } from "../sessions/session.ts";
import type { Core } from "./open-core.ts";

export interface Presence extends DirectoryEvents {
  prober: Prober;
  life: DeviceLife;
  relay: Relay;
  relayDesk: RelayDesk;
  /** The owner whose home this hub runs in. */
  owner: Awaited<ReturnType<typeof openHome>>;
}

/** Hears of sessions by `joined` and `left`. */
export async function openPresence(options: HubOptions, core: Core): Promise<Presence> {
  const { crypto, home: keys } = options;
  const { now, db, ownerLogs, devices, shares, directory, fleet } = core;
  const life = lifeOf(options, core);
  await life.finish();
  const owner = await openHome({ db, crypto, keys, ownerLogs, devices, now });
  const prober = proberOf(options, core);
  const { relay, relayDesk } = await openRelay(options, core, owner.root);
  ownerLogs.onAppended((root, entries) => {
    tellLogNews(directory.all(), root, entries);
    fleet.changed();
  });
  const moved = (session: Session): void => {
    fleet.changed(session.facts.deviceId);
    for (const share of shares.ofDevice(session.facts.deviceId)) prober.probe(share);
  };
  return {
    prober,
    life,
    relay,
    relayDesk,
    owner,
    joined(session) {
      life.removals.joined(session);
      void life.back(session);
      core.offers.joined(session.facts);
      relayDesk.joined(session);
      moved(session);
    },
    left(session) {
      relayDesk.left(session);
      if (directory.device(session.facts.deviceId) === undefined) core.offers.left(session.facts.deviceId);
      moved(session);
    },
  };
}

function lifeOf(options: HubOptions, core: Core): DeviceLife {
  const { world, crypto, log, signer, secret, cloudflare } = options;
  const { id, now, db, sealer, audit, ownerLogs, devices, shares, directory, addresses } = core;
  const { clock, timers } = world;
  return new DeviceLife({
    db,
    ownerLogs,
    devices,
    shares,
    directory,
    audit,
    log,
    now,
    clock,
    crypto,
    timers,
    secret,
    hubKey: signer.publicKey,
    hostnameOf: (label) => addresses.deviceHost(label),
    shareUrl: (label) => addresses.shareUrl(label),
    named: openNamedLinks({
      db,
      world,
      sealer,
      hubId: id,
      log: log.part("links"),
      cloudflare: cloudflare?.settings,
      baseUrl: cloudflare?.baseUrl,
    }),
  });
}

function proberOf({ world, crypto, tls }: HubOptions, core: Core): Prober {
  const { listening, addresses, shares, metrics, directory } = core;
  return new Prober({
    world,
    crypto,
    shares,
    address: { host: "127.0.0.1", port: listening.port },
    tls: tls === undefined ? undefined : { serverName: "localhost", rejectUnauthorized: false },
    isConnected: (deviceId) => directory.device(deviceId) !== undefined,
    hostOf: (label) => new URL(addresses.shareUrl(label)).host,
    proved: (state) => metrics.proof(state),
  });
}

async function openRelay(
  { world, log: all }: HubOptions,
  { db, now, audit, devices }: Core,
  homeRoot: string,
): Promise<Pick<Presence, "relay" | "relayDesk">> {
  const log = all.part("relay");
  const pairs = new Pairs(db, now);
  await pairs.load();
  const relay = new Relay({
    db,
    log,
    now,
    isStranger: (key) => devices.byKey(fromBase64Url(key) ?? new Uint8Array(0)) === undefined,
  });
  await relay.load();
  const relayDesk = new RelayDesk({
    clock: world.clock,
    log,
    audit,
    pairs,
    relay,
    mailboxes: new Mailboxes(world),
    homeRoots: () => [homeRoot],
  });
  return { relay, relayDesk };
}
