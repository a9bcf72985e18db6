// The agent's parts that carry files between paired devices, put together.
import type { Kysely } from "kysely";
import type { MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import { readSessionCall } from "../../protocol/session-open.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { LargeFiles, Timer, World } from "../../world/world.ts";
import type { HubPort } from "../hub-port.ts";
import type { Notices } from "../notices.ts";
import type { LinkIdentity } from "../../client/commands/command-link.ts";
import type { StateDatabase } from "../state-migrations.ts";
import { FileArrivals } from "./file-arrivals.ts";
import { FileDesk } from "./file-desk.ts";
import { FileSends } from "./file-sends.ts";
import { ReceivedPlace } from "./received-place.ts";
import { dropOldSends, queuedSends, type SendRow } from "./send-rows.ts";
import { listArriving } from "./arrival-rows.ts";

export interface FilesParts {
  world: World;
  largeFiles: LargeFiles;
  db: Kysely<StateDatabase>;
  hub: HubPort;
  log: Log;
  link: LinkIdentity;
  sha256(bytes: Uint8Array): Uint8Array;
  notices: Pick<Notices, "set" | "clear">;
  /** Folder of received files. */
  received: string;
  inBackground(what: string, work: Promise<void>): void;
}

export interface Files {
  readonly desk: FileDesk;
  /** Undefined for a stream that carries no file. */
  open(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents | undefined;
  /** A new session with the hub. */
  connected(): void;
  /** Some pairing may have changed: what went to one that is over is dropped. */
  peersChanged(): void;
  close(): Promise<void>;
}

const TIDY_EVERY_MS = 3_600_000;
/** Many messages come in a second, and each may be the one that ends a pairing. */
const STRANGERS_AFTER_MS = 300;

export function openFiles(parts: FilesParts): Files {
  const { world, db, hub, log, link, inBackground } = parts;
  const { clock, timers, disk, random } = world;
  const place = new ReceivedPlace({
    disk,
    files: parts.largeFiles,
    sha256: parts.sha256,
    received: parts.received,
  });
  const linkKeyOf = async (peer: string): Promise<Uint8Array | undefined> => {
    const row = await db
      .selectFrom("peers")
      .select(["link_key", "state"])
      .where("key", "=", peer)
      .executeTakeFirst();
    return row === undefined || row.state === "leaving" ? undefined : row.link_key;
  };
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const shared = { db, clock, timers, log, link, linkKeyOf, changed };
  const seen = (id: string): void => parts.notices.clear(`file ${id}`);
  const lost = async (row: SendRow, { message }: MusterError): Promise<() => void> => {
    const to = await db.selectFrom("peers").select("petname").where("key", "=", row.peer).executeTakeFirst();
    const where = to === undefined ? "" : ` to ${to.petname}`;
    parts.notices.set(`file ${row.id}`, `"${row.name}" was not delivered${where}: ${message}`);
    return () => seen(row.id);
  };
  const sends = new FileSends({ ...shared, disk, hub, lost });
  const arrivals = new FileArrivals({ ...shared, place });
  const tidy = async (): Promise<void> => {
    await dropOldSends(db, clock.now());
    await arrivals.dropStale();
  };
  const dropStrangers = async (): Promise<void> => {
    const peers = new Set([...(await queuedSends(db)), ...(await listArriving(db))].map(({ peer }) => peer));
    for (const peer of peers) {
      if ((await linkKeyOf(peer)) !== undefined) continue;
      await sends.dropPeer(peer);
      await arrivals.forgetPeer(peer);
    }
  };
  let looking: Timer | undefined;
  const hourly = timers.every(TIDY_EVERY_MS, () => inBackground("old files", tidy()));
  inBackground(
    "files",
    arrivals.recover().then(() => tidy()),
  );
  return {
    desk: new FileDesk({
      db,
      clock,
      disk,
      randomBytes: (length) => random.bytes(length),
      sends,
      arrivals,
      place,
      seen,
      listen(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    }),
    open(stream, payload) {
      const call = readSessionCall(payload);
      return call?.purpose === "file" ? arrivals.open(stream, call.callerKey) : undefined;
    },
    connected: () => sends.back(),
    peersChanged() {
      looking ??= timers.after(STRANGERS_AFTER_MS, () => {
        looking = undefined;
        inBackground("files", dropStrangers());
      });
    },
    async close() {
      hourly.cancel();
      looking?.cancel();
      await sends.close();
      await arrivals.close();
    },
  };
}
