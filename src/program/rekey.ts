// New keys for this device: it stays in its fleet, under its name, and what it publishes keeps its address. The new key
// enters the owner log before the old one leaves it, so that no failure puts the device outside; only the last step,
// which takes the old key out, may be left to a person.
import { makeKeys, formatKeyFile, linkKeyOf, parseKeyFile, signerOf } from "../identity/keys.ts";
import { appendEntry, type NewEntry, type OwnerLog } from "../identity/owner-log.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import type { HubFile } from "../protocol/local-api.ts";
import type { HubToClient } from "../protocol/messages.ts";
import { openStore } from "../store/open-store.ts";
import { nextSessionNumber } from "../store/session-numbers.ts";
import { tunnelPath } from "../agent/tunnel-file.ts";
import { STATE_MIGRATIONS, type StateDatabase } from "../agent/state-migrations.ts";
import type { RekeyOptions, RekeyResult } from "../cli/surroundings.ts";
import { readLog } from "./attach.ts";
import { connectedAs, hubKeyOf } from "./session-by-key.ts";
import { claimPlace } from "./join.ts";
import { readHubFile, writeHubFile, type Identity } from "./home-state.ts";
import { machineMark } from "../world/machine.ts";
import { wayTo } from "./way-to.ts";
import type { Environment, HomeParts } from "./parts.ts";

/** Other controllers may write at the same time. */
const TRIES = 5;

type Session = Awaited<ReturnType<typeof connectedAs>>;

/** Nothing else may run in this home. */
export async function rekey(
  parts: HomeParts,
  options: RekeyOptions,
  environment: Environment,
): Promise<RekeyResult> {
  const { world, paths, identity } = parts;
  const joined = await rekeyable(parts);
  const store = await openStore<StateDatabase>({
    world,
    path: paths.stateDatabase,
    migrations: STATE_MIGRATIONS,
    lossLevel: "warning",
    deleted: "erased",
    onNotice: () => {},
  });
  try {
    const heard: HubToClient[] = [];
    options.phase("asking the hub");
    const session = await connectedAs(parts, joined, {
      environment,
      sessionKind: "register",
      nextSession: () => nextSessionNumber(store.db, joined.hub_id, world.clock.now()),
      message: (message) => void heard.push(message),
    });
    try {
      const name = session.state.at === "connected" ? session.state.registered.name : joined.name;
      const fresh = await nextIdentity(parts);
      options.phase("entering the owner log");
      const controller = await enter(parts, session, { ...options, joined, name, fresh, environment });
      const device_id = deviceIdOf(parts.crypto.sha256(fresh.signer.publicKey));
      await become(parts, { ...joined, name, device_id, controller });
      const leaving = {
        kind: "remove",
        body: { public_key: toBase64Url(identity.signer.publicKey) },
      } as const;
      const removed = await append(parts, session, {
        joined,
        make: () => ({ ...leaving, signer: identity.signer }),
      })
        // The hub cuts this session as soon as it has the entry, and shows that first.
        .catch(() => heard.some((message) => message.type === "log_entries"));
      // What they pinned is gone; whoever was not told finds that out from the hub.
      await store.db.deleteFrom("outbox").where("state", "in", ["queued", "relayed"]).execute();
      await store.db.deleteFrom("peers").execute();
      return { device_id, name, former_id: joined.device_id, former_removed: removed };
    } finally {
      session.stop();
    }
  } finally {
    await store.close();
  }
}

async function rekeyable({ world, paths }: HomeParts): Promise<HubFile> {
  const joined = await readHubFile(world.disk, paths);
  if (joined === undefined) throw new MusterError("not_joined", "this home has joined no hub");
  if (!joined.embedded) return joined;
  throw new MusterError("conflict", "this device runs the hub, and its key began the fleet", {
    hint: "if that key is in wrong hands, take the fleet back with the written words: muster device owners recover",
  });
}

/** Kept beside the old ones until they are this device's, so that a second try goes on with the same. */
async function nextIdentity({ world, crypto, paths }: HomeParts): Promise<Identity> {
  const path = nextPath(paths.identity);
  const known = (await world.disk.info(path)) === undefined ? undefined : await world.disk.read(path);
  const keys =
    known === undefined ? makeKeys(crypto, machineMark()) : parseKeyFile(new TextDecoder().decode(known));
  if (known === undefined) await world.disk.write(path, formatKeyFile(keys).reveal(), 0o600);
  return { keys, signer: signerOf(crypto, keys), linkKey: linkKeyOf(crypto, keys) };
}

interface Entering extends RekeyOptions {
  joined: HubFile;
  name: string;
  fresh: Identity;
  environment: Environment;
}

/** Resolves with whether the new key may command. Throws where neither the old key nor a token lets it in. */
async function enter(parts: HomeParts, session: Session, entering: Entering): Promise<boolean> {
  const { identity, world } = parts;
  const { joined, fresh, token, name } = entering;
  const { log } = await readLog(parts, session, joined);
  if (log === undefined) throw new MusterError("unavailable", "the hub gave no owner log");
  const now = world.clock.now();
  if (log.participant(fresh.signer.publicKey) !== undefined)
    return log.mayCommand(fresh.signer.publicKey, now);
  const own = log.participant(identity.signer.publicKey);
  if (own === undefined) {
    throw new MusterError("forbidden", "this device is in no owner log yet", {
      hint: "have a controller let it in first: muster device approve",
    });
  }
  if (token !== undefined) {
    const { hub_url: hubUrl, ca } = joined;
    const way = wayTo(hubUrl, { ca, environment: entering.environment });
    const wish = { ...entering, token, kind: own.kind, way };
    await claimPlace({ ...parts, identity: fresh }, wish, { hubUrl, hubKey: hubKeyOf(joined) });
    return false;
  }
  if (!log.mayAdmin(identity.signer.publicKey, now)) {
    throw new MusterError("forbidden", "this device may not let its new key in by itself", {
      hint: "make a token on a controller (muster device token) and give it here: muster device rekey --token TOKEN",
    });
  }
  const body = {
    public_key: toBase64Url(fresh.signer.publicKey),
    link_key: toBase64Url(fresh.linkKey),
    name,
    kind: own.kind,
    platform: own.platform,
    named: true,
    scopes: [...(own.controller?.scopes ?? [])],
    since: now,
    until: null,
  };
  await append(parts, session, {
    joined,
    make: () => ({ kind: "controller", body, signer: identity.signer }),
  });
  return true;
}

/** From here on the home is the new device. The hub opens the former one's tunnel to nobody. */
async function become({ world, paths }: HomeParts, file: HubFile): Promise<void> {
  const { disk } = world;
  const tunnel = tunnelPath(paths.home);
  await disk.rename(nextPath(paths.identity), paths.identity);
  await writeHubFile(disk, paths, file);
  if ((await disk.info(tunnel)) !== undefined) await disk.remove(tunnel);
}

async function append(
  parts: HomeParts,
  session: Session,
  { joined, make }: { joined: HubFile; make: (log: OwnerLog) => NewEntry },
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const { log } = await readLog(parts, session, joined);
    if (log === undefined) throw new MusterError("unavailable", "the hub gave no owner log");
    const entry = (await appendEntry(parts.crypto, log, make(log))).entries.at(-1);
    if (entry === undefined) throw new RangeError("an owner log is never empty");
    try {
      await session.request({ type: "log_append", entry }, "done");
      return true;
    } catch (error) {
      const movedOn = error instanceof MusterError && error.code === "conflict";
      if (!movedOn || attempt >= TRIES) throw error;
    }
  }
}

function nextPath(path: string): string {
  return `${path}.next`;
}
