// Files that paired devices send here. Who sends is decided by the pin; what is offered is bounded by the disk, by
// how many come at once, and by a week in which something has to come.
import type { Kysely } from "kysely";
import { FileChannel } from "../../client/files/file-channel.ts";
import { answerFile } from "../../client/files/file-session.ts";
import { receiveFile, type TakenOffer } from "../../client/files/receive-file.ts";
import type { FileOffer } from "../../client/files/send-file.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError, publicError, type ErrorCode } from "../../protocol/errors.ts";
import { plainFileName } from "../../protocol/file-in-message.ts";
import type { Log } from "../../protocol/log.ts";
import { SESSION_RESET } from "../../protocol/session-open.ts";
import { RESET } from "../../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Clock, Timers } from "../../world/world.ts";
import { lateStream } from "../../trunk/late-stream.ts";
import type { LinkIdentity } from "../../client/commands/command-link.ts";
import type { StateDatabase } from "../state-migrations.ts";
import {
  beginArrival,
  findArrival,
  forgetArrival,
  KEPT_FILE,
  keepArrival,
  listArriving,
  noteHeld,
  refuseArrival,
  staleArrivals,
  type ArrivalName,
  type ArrivalRow,
} from "./arrival-rows.ts";
import { GrowingSink } from "./growing-sink.ts";
import { startSha256 } from "./hash.ts";
import type { ReceivedPlace } from "./received-place.ts";

export interface FileArrivalsOptions {
  db: Kysely<StateDatabase>;
  clock: Clock;
  timers: Timers;
  log: Log;
  link: LinkIdentity;
  place: ReceivedPlace;
  /** Link key of a pinned device; undefined for any other key. */
  linkKeyOf(peer: string): Promise<Uint8Array | undefined>;
  /** Something has come, or moved to another state. */
  changed(): void;
}

/** At once, of one peer and of all. */
const PER_PEER_MAX = 4;
const ALL_MAX = 32;
/** What nothing has come of for so long is given up. */
const UNFINISHED_KEPT_MS = 7 * 86_400_000;

/** After these the sender does not try again, so nothing is kept for it. */
const LAST_WORDS: ReadonlySet<ErrorCode> = new Set(["storage_full", "protocol_error", "invalid"]);

interface Live {
  channel: FileChannel;
  peer: string;
  /** Once it was offered. */
  id: string | undefined;
  size: number;
  moved: number;
  done: Promise<void>;
}

export class FileArrivals {
  readonly #options: FileArrivalsOptions;
  readonly #live = new Set<Live>();
  #opening = 0;
  /** What comes before its end could be taken for what a crash has left. */
  #recovering: Promise<void> = Promise.resolve();

  constructor(options: FileArrivalsOptions) {
    this.#options = options;
  }

  /** A stream that the hub says a paired device opened. */
  open(stream: TrunkStream, callerKey: Uint8Array): TrunkStreamEvents {
    if (this.#live.size + this.#opening >= ALL_MAX) {
      stream.reset(SESSION_RESET.tooMany);
      return { data() {}, drain() {}, end() {}, close() {} };
    }
    stream.pause();
    const late = lateStream(
      () => stream,
      () => {},
    );
    this.#opening += 1;
    this.#begin(stream, callerKey, late.hand)
      .catch((error: unknown) => {
        this.#options.log.error("fault in a file that comes", { error });
        stream.reset(RESET.internal);
      })
      .finally(() => (this.#opening -= 1));
    return late.events;
  }

  /** Bytes of one that comes now; undefined for one that waits for its sender. */
  movedOf({ peer, id }: ArrivalName): number | undefined {
    for (const live of this.#live) if (isOf(live, { peer, id })) return live.moved;
    return undefined;
  }

  /** After a crash: what was kept gets to its place, and what nobody knows goes. */
  recover(): Promise<void> {
    return (this.#recovering = this.#recover());
  }

  async #recover(): Promise<void> {
    const { db, place } = this.#options;
    const known = await db.selectFrom("file_arrivals").select(["peer", "id", "state"]).execute();
    for (const name of await place.among(known)) if (name.state === "kept") await this.settle(name);
    await place.tidy(known);
  }

  /** The person here does not want it. False for one that is not on its way. */
  async refuse(name: ArrivalName): Promise<boolean> {
    if (!(await refuseArrival(this.#options.db, name))) return false;
    for (const live of this.#live) if (isOf(live, name)) await this.#end(live, unwanted());
    await this.#options.place.forget(name);
    this.#options.changed();
    return true;
  }

  /** The pairing is over: what has come stays, what is unfinished goes. */
  async forgetPeer(peer: string): Promise<void> {
    const { db, place } = this.#options;
    const ending = [...this.#live].filter((live) => live.peer === peer);
    await Promise.all(ending.map((live) => this.#end(live, unpaired())));
    for (const row of await listArriving(db)) {
      if (row.peer !== peer) continue;
      await forgetArrival(db, row);
      await place.forget(row);
    }
  }

  async dropStale(): Promise<void> {
    const { db, clock, place } = this.#options;
    for (const row of await staleArrivals(db, clock.now() - UNFINISHED_KEPT_MS)) {
      if (this.movedOf(row) !== undefined) continue;
      await forgetArrival(db, row);
      await place.forget(row);
    }
  }

  close(): Promise<void> {
    for (const { channel } of this.#live) channel.close();
    return Promise.allSettled([...this.#live].map(({ done }) => done)).then(() => {});
  }

  async #begin(
    stream: TrunkStream,
    callerKey: Uint8Array,
    hand: ReturnType<typeof lateStream>["hand"],
  ): Promise<void> {
    const { link, timers } = this.#options;
    const peer = toBase64Url(callerKey);
    await this.#recovering.catch(() => {}); // told to whoever began it
    const linkKey = await this.#options.linkKeyOf(peer);
    if (linkKey === undefined) return stream.reset(SESSION_RESET.unknownCaller);
    if (this.#countOf(peer) >= PER_PEER_MAX) return stream.reset(SESSION_RESET.tooMany);
    const channel = new FileChannel(timers);
    const peerKeys = { identityKey: callerKey, linkKey };
    const events = answerFile(channel, { crypto: link.crypto, timers, own: link, peer: peerKeys }, stream);
    const live: Live = { channel, peer, id: undefined, size: 0, moved: 0, done: Promise.resolve() };
    this.#live.add(live);
    live.done = this.#receive(live).finally(() => {
      this.#live.delete(live);
      this.#options.changed();
    });
    hand(events);
  }

  async #receive(live: Live): Promise<void> {
    const { channel, peer } = live;
    try {
      await receiveFile(channel, {
        take: (offer) => this.#take(live, offer),
        startHash: startSha256,
        moved: (bytes) => (live.moved = bytes),
      });
    } catch (error) {
      const problem = publicError(error);
      const level = problem.code === "internal" ? "error" : "info";
      this.#options.log[level]("a file did not come whole", {
        peer,
        error_code: problem.code,
        problem: problem.message,
        ...(problem.code === "internal" ? { error } : {}),
      });
      // It was taken back, or it is this side's last word; after a cut it comes again.
      const isOver = channel.refusedByPeer || LAST_WORDS.has(problem.code);
      if (isOver && live.id !== undefined) await this.#forget({ peer, id: live.id });
    }
  }

  async #take(live: Live, offer: FileOffer): Promise<TakenOffer> {
    const { db, clock, place } = this.#options;
    const name: ArrivalName = { peer: live.peer, id: offer.id };
    // A sender that was cut off may be back before that is known here.
    await this.#cut(name);
    live.id = offer.id;
    live.size = offer.size;
    const known = await findArrival(db, name);
    if (known?.state !== "kept") await this.#demandRoom(live, offer, known);
    const row = await beginArrival(
      db,
      { ...name, name: plainFileName(offer.name), size: offer.size },
      clock.now(),
    );
    if (row.state === "kept") return { kept: row.sha256 ?? "" };
    if (row.state === "refused") {
      throw unwanted();
    }
    const held = Math.min(await place.grown(name), row.size);
    const file = await place.open(name, held);
    const note = (bytes: number) => noteHeld(db, { ...name, held: bytes }, clock.now());
    if (held !== row.held) {
      // Written by a session that had no end. What is wrong with it, its hash tells.
      await file.sync();
      await note(held);
    }
    live.moved = held;
    this.#options.changed();
    return {
      sink: new GrowingSink({
        file,
        held,
        note,
        keep: (sha256) => this.#keep(row, sha256),
      }),
    };
  }

  async #demandRoom(live: Live, offer: FileOffer, known: ArrivalRow | undefined): Promise<void> {
    let promised = 0;
    for (const other of this.#live) if (other !== live) promised += other.size - other.moved;
    await this.#options.place.demandRoom(offer.size - (known?.held ?? 0), promised);
  }

  async #keep(row: ArrivalRow, sha256: string): Promise<void> {
    const { db, clock, log, changed } = this.#options;
    await keepArrival(db, { ...row, sha256 }, clock.now());
    // Whoever reads the inbox does the same, should this be cut short.
    await this.settle(row).catch((error: unknown) => {
      log.warn("a file that has come waits to be put in its place", { problem: String(error) });
    });
    changed();
  }

  /** Puts a kept file where its message says. */
  async settle(name: ArrivalName): Promise<void> {
    const row = await this.#options.db
      .selectFrom("inbox")
      .innerJoin("file_arrivals", (join) =>
        join.onRef("file_arrivals.peer", "=", "inbox.peer").onRef("file_arrivals.id", "=", "inbox.id"),
      )
      .select(["inbox.position", "file_arrivals.name"])
      .where("inbox.peer", "=", name.peer)
      .where("inbox.id", "=", name.id)
      .where("inbox.kind", "=", KEPT_FILE)
      .executeTakeFirst();
    if (row === undefined || row.position === null) return;
    await this.#options.place.settle(name, { position: row.position, name: row.name });
  }

  async #forget(name: ArrivalName): Promise<void> {
    await forgetArrival(this.#options.db, name);
    if ((await findArrival(this.#options.db, name)) === undefined) await this.#options.place.forget(name);
  }

  async #cut(name: ArrivalName): Promise<void> {
    for (const live of this.#live) {
      if (!isOf(live, name)) continue;
      live.channel.close();
      await live.done;
    }
  }

  async #end(live: Live, problem: MusterError): Promise<void> {
    await live.channel.refuse(problem);
    await live.done;
  }

  #countOf(peer: string): number {
    let count = 0;
    for (const live of this.#live) if (live.peer === peer) count += 1;
    return count;
  }
}

function isOf(live: Live, { peer, id }: ArrivalName): boolean {
  return live.peer === peer && live.id === id;
}

function unwanted(): MusterError {
  return new MusterError("forbidden", "the person there does not want this file");
}

function unpaired(): MusterError {
  return new MusterError("not_found", "the pairing is over");
}
