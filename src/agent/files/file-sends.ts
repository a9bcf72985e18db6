// Files that wait here for paired devices, and go as soon as there is a way: two at a time for each, so that a long
// one does not keep a short one waiting. A file stays where it is until then; its row outlives this program. What is
// cut goes on by itself, where the other side's durable bytes end.
import type { Kysely } from "kysely";
import { FileChannel } from "../../client/files/file-channel.ts";
import { dialFile } from "../../client/files/file-session.ts";
import { sendFile } from "../../client/files/send-file.ts";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError, publicError, type ErrorCode } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import { encodeFileWish } from "../../protocol/session-open.ts";
import type { Clock, Disk, Timer, Timers } from "../../world/world.ts";
import type { HubPort } from "../hub-port.ts";
import type { LinkIdentity } from "../../client/commands/command-link.ts";
import type { StateDatabase } from "../state-migrations.ts";
import { openSource } from "./file-source.ts";
import { startSha256 } from "./hash.ts";
import { endSend, findSend, queuedSends, type SendRow } from "./send-rows.ts";

export interface FileSendsOptions {
  db: Kysely<StateDatabase>;
  clock: Clock;
  timers: Timers;
  disk: Pick<Disk, "open" | "info">;
  log: Log;
  link: LinkIdentity;
  hub: Pick<HubPort, "openStream" | "state">;
  /** Link key of a pinned device; undefined when the pairing is over. */
  linkKeyOf(peer: string): Promise<Uint8Array | undefined>;
  /** Some file has moved, or is in another state. */
  changed(): void;
  /** This one will never be there, and the person may not be looking. Returns how to take that back. */
  lost(row: SendRow, problem: MusterError): Promise<() => void>;
}

const PER_PEER_MAX = 2;
const ALL_MAX = 16;
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 15_000;

/** What the other side says of itself for now; anything else that it refuses with is its last word. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["too_many", "unavailable", "internal", "session_cut"]);
/** What is wrong here and will not get better by trying. */
const FINAL_HERE: ReadonlySet<ErrorCode> = new Set(["conflict", "not_found", "invalid"]);

/** One that is under way. */
interface Live {
  row: SendRow;
  channel: FileChannel;
  /** Bytes that have gone; undefined until both have agreed where to begin. */
  moved: number | undefined;
  done: Promise<void>;
}

/** A device that was not there is not asked again at once. */
interface Pause {
  timer: Timer | undefined;
  nextMs: number;
  problem: MusterError;
}

export class FileSends {
  readonly #options: FileSendsOptions;
  readonly #live = new Map<string, Live>();
  readonly #pauses = new Map<string, Pause>();
  #looking = false;
  #again = false;
  #stopped = false;

  constructor(options: FileSendsOptions) {
    this.#options = options;
  }

  /** There may be something to send, or somebody to send it to. */
  look(): void {
    this.#again = true;
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    this.#lookAll()
      .catch((error: unknown) => this.#options.log.error("files wait", { error }))
      .finally(() => {
        this.#looking = false;
        // Asked for in the turns between the last look and this one.
        if (this.#again) this.look();
      });
  }

  /** A new session with the hub, or a sign of life of this device: whoever was away may be there now. */
  back(peer?: string): void {
    for (const [key, pause] of this.#pauses) {
      if (peer !== undefined && peer !== key) continue;
      pause.timer?.cancel();
      this.#pauses.delete(key);
    }
    this.look();
  }

  movedOf(id: string): number | undefined {
    return this.#live.get(id)?.moved;
  }

  /** Why nothing goes to this device now. */
  problemOf(peer: string): MusterError | undefined {
    if (this.#options.hub.state.at !== "connected") return withoutHub();
    return this.#pauses.get(peer)?.problem;
  }

  /** False for one that has ended. */
  async cancel(id: string): Promise<boolean> {
    const { db, clock, changed } = this.#options;
    if (!(await endSend(db, id, { state: "cancelled", at: clock.now() }))) return false;
    void this.#live.get(id)?.channel.refuse(new MusterError("conflict", "the sender has taken it back"));
    changed();
    return true;
  }

  /** The pairing is over, and with it what was still to go. */
  async dropPeer(peer: string): Promise<void> {
    for (const row of await queuedSends(this.#options.db)) {
      if (row.peer !== peer) continue;
      await this.#end(row, unpaired());
      void this.#live.get(row.id)?.channel.refuse(unpaired());
    }
  }

  async close(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#pauses.values()) timer?.cancel();
    for (const { channel } of this.#live.values()) channel.close();
    await Promise.allSettled([...this.#live.values()].map(({ done }) => done));
  }

  async #lookAll(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      if (this.#options.hub.state.at !== "connected") return;
      for (const row of await queuedSends(this.#options.db)) {
        if (this.#live.size >= ALL_MAX || this.#stopped) return;
        if (this.#live.has(row.id) || this.#isHeld(row.peer)) continue;
        await this.#begin(row);
      }
    }
  }

  #isHeld(peer: string): boolean {
    if (this.#pauses.get(peer)?.timer !== undefined) return true;
    let count = 0;
    for (const { row } of this.#live.values()) if (row.peer === peer) count += 1;
    return count >= PER_PEER_MAX;
  }

  async #begin(row: SendRow): Promise<void> {
    const { timers } = this.#options;
    const linkKey = await this.#options.linkKeyOf(row.peer);
    if (linkKey === undefined) return this.#end(row, unpaired());
    if (this.#stopped) return;
    const channel = new FileChannel(timers);
    const live: Live = { row, channel, moved: undefined, done: Promise.resolve() };
    this.#live.set(row.id, live);
    live.done = this.#send(live, linkKey)
      .catch((error: unknown) => this.#failed(live, publicError(error)))
      .catch((error: unknown) => this.#options.log.error("fault in a file that goes", { error }))
      .finally(() => {
        channel.close();
        this.#live.delete(row.id);
        this.#options.changed();
        this.look();
      });
  }

  async #send(live: Live, linkKey: Uint8Array): Promise<void> {
    const { db, clock, disk, log } = this.#options;
    const { row, channel } = live;
    const { id, name, size } = row;
    // It may have been taken back since it was looked up; from here on that reaches its channel.
    if ((await findSend(db, id))?.state !== "queued") return;
    const mark = { size, modifiedAt: row.modified_at, inode: row.inode };
    const source = await openSource(disk, row.path, mark);
    try {
      this.#dial(live, linkKey);
      const sha256 = await sendFile(channel, {
        offer: { id, name, size },
        source,
        startHash: startSha256,
        moved: (bytes) => {
          if (live.moved === undefined) log.info("a file goes", { peer: row.peer, at: bytes, size });
          if (live.moved === undefined) this.#options.changed();
          live.moved = bytes;
        },
      });
      await endSend(db, id, { state: "delivered", at: clock.now(), sha256 });
      this.#pauses.delete(row.peer);
      log.info("a file was delivered", { peer: row.peer, bytes: size });
    } finally {
      await source.close();
    }
  }

  #dial({ row, channel }: Live, linkKey: Uint8Array): void {
    const { link, timers, hub } = this.#options;
    // A key of the table has 32 bytes; one that had not would open nothing.
    const peer = { identityKey: fromBase64Url(row.peer) ?? new Uint8Array(32), linkKey };
    dialFile(channel, { crypto: link.crypto, timers, own: link, peer }, (events) => {
      const opened = hub.openStream(encodeFileWish(row.peer), events);
      if (typeof opened !== "string") return opened;
      throw withoutHub();
    });
  }

  async #failed({ row, channel, moved }: Live, problem: MusterError): Promise<void> {
    if (this.#stopped) return;
    const final = channel.refusedByPeer ? !PASSING.has(problem.code) : FINAL_HERE.has(problem.code);
    if (final) return this.#end(row, problem);
    if (problem.code === "internal") this.#options.log.error("fault in a file that goes", { error: problem });
    this.#pause(row.peer, problem, moved !== undefined);
  }

  async #end(row: SendRow, problem: MusterError): Promise<void> {
    const { db, clock, log, changed, lost } = this.#options;
    const end = { state: "failed", at: clock.now(), problem: problem.toJSON() } as const;
    // Told first, so that whoever sees how it ended can take the notice away.
    const takeBack = await lost(row, problem);
    if (!(await endSend(db, row.id, end))) return takeBack();
    log.warn("a file was not delivered", {
      peer: row.peer,
      error_code: problem.code,
      problem: problem.message,
    });
    changed();
  }

  /** Where something went through before it was cut, the way is tried again soon. */
  #pause(peer: string, problem: MusterError, hadMoved: boolean): void {
    const before = this.#pauses.get(peer);
    if (before?.timer !== undefined) return;
    const nextMs = hadMoved || before === undefined ? FIRST_PAUSE_MS : before.nextMs;
    const pause: Pause = { timer: undefined, nextMs: Math.min(2 * nextMs, LAST_PAUSE_MS), problem };
    pause.timer = this.#options.timers.after(nextMs, () => {
      pause.timer = undefined;
      this.look();
    });
    this.#pauses.set(peer, pause);
  }
}

function withoutHub(): MusterError {
  return new MusterError("hub_unreachable", "the hub is out of reach");
}

function unpaired(): MusterError {
  return new MusterError("not_found", "the pairing is over");
}
