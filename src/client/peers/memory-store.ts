// Pairs and messages in memory, and with a keeper beyond: for programs without a SQL database. One change at a
// time; everybody else waits for its end, so nobody ever sees half of one.
import { equalBytes } from "../../protocol/bytes.ts";
import { KeptTables, type RowKeeper } from "./kept-tables.ts";
import type { EpochOf, InboxRow, OutboxRow, Place } from "./rows.ts";
import type { PeerRows, PeerStore } from "./store.ts";

/** A page shares its memory with others. */
const ROOM = { inboxBytes: 32 * 1024 * 1024, outboxBytes: 32 * 1024 * 1024 };
/** Of what is over (read, delivered, dropped), the newest stay. */
const FINISHED_MAX = 1_000;
const READ_MAX_BYTES = 16 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** Reads what the keeper has. Without one, everything ends with the program. */
export async function memoryPeerStore(keeper?: RowKeeper): Promise<PeerStore> {
  const tables = new KeptTables();
  if (keeper !== undefined) tables.fill(await keeper.load());
  const rows = rowsOf(tables);
  let last: Promise<unknown> = Promise.resolve();

  function change<Result>(work: (given: PeerRows) => Promise<Result>): Promise<Result> {
    const turn = last.then(async () => {
      try {
        const result = await work(rows);
        const changes = tables.changes();
        if (changes.length > 0) await keeper?.save(changes);
        tables.commit();
        return result;
      } catch (error) {
        tables.undo();
        throw error;
      }
    });
    last = turn.catch(() => {}); // told to whoever asked for it
    return turn;
  }
  return { ...eachAlone(rows, change), change };
}

/** Every call as a change of its own. */
function eachAlone(rows: PeerRows, change: PeerStore["change"]): PeerRows {
  function wrapped<Part extends object>(part: Part): Part {
    const entries = Object.entries(part).map(([name, call]) => [
      name,
      (...given: unknown[]) => change(() => Promise.resolve(call(...given))),
    ]);
    // The same names, each with the same call behind it.
    return Object.fromEntries(entries) as Part;
  }
  return {
    room: rows.room,
    peers: wrapped(rows.peers),
    keys: wrapped(rows.keys),
    outbox: wrapped(rows.outbox),
    inbox: wrapped(rows.inbox),
    record: rows.record,
  };
}

function rowsOf(tables: KeptTables): PeerRows {
  return {
    room: ROOM,
    peers: pinRows(tables),
    keys: {
      load: async (peer) => tables.get("rings", peer) ?? { rows: [], erasedIds: [] },
      // What `ReceiveKeys` hands over is its own: copied, so that a later change of it is none of this.
      save: async (peer, { rows, erasedIds }) =>
        tables.put("rings", peer, { rows: [...rows], erasedIds: [...erasedIds] }),
    },
    outbox: outboxRows(tables),
    inbox: inboxRows(tables),
    record: async () => {},
  };
}

function pinRows(tables: KeptTables): PeerRows["peers"] {
  return {
    find: async (key) => tables.get("peers", key),
    list: async () => tables.all("peers").sort((one, other) => (one.petname < other.petname ? -1 : 1)),
    put: async (row) => tables.put("peers", row.key, row),
    async change(key, change) {
      const row = tables.get("peers", key);
      if (row !== undefined) tables.put("peers", key, { ...row, ...change });
    },
    async remove(key) {
      tables.remove("peers", key);
      tables.remove("rings", key);
      for (const { peer, epoch } of tables.all("inbound")) {
        if (peer === key) tables.remove("inbound", epochName({ peer, epoch }));
      }
    },
  };
}

function outboxRows(tables: KeptTables): PeerRows["outbox"] {
  const put = (row: OutboxRow): void => tables.put("outbox", row.id, row);
  const waitingFor = (peer: string): OutboxRow[] =>
    tables
      .all("outbox")
      .filter((row) => row.peer === peer && isWaiting(row))
      .sort(bySequence);
  const finish = (rows: readonly OutboxRow[], state: "delivered" | "dropped"): void => {
    for (const row of rows) put({ ...row, state, body: NOTHING });
    const finished = tables.all("outbox").filter((row) => !isWaiting(row));
    for (const { id } of oldest(finished, (row) => row.created_at)) tables.remove("outbox", id);
  };
  return {
    add: async (row) => put(row),
    find: async (id) => tables.get("outbox", id),
    at: async ({ peer, epoch, sequence }) =>
      tables
        .all("outbox")
        .find((row) => row.peer === peer && row.sequence === sequence && equalBytes(row.epoch, epoch)),
    queued: async (peer, { after, limit }) =>
      waitingFor(peer)
        .filter((row) => row.state === "queued" && row.sequence > after)
        .slice(0, limit),
    oldestRelayed: async (peer) => waitingFor(peer).find((row) => row.state === "relayed"),
    async markRelayed(ids) {
      for (const id of ids) {
        const row = tables.get("outbox", id);
        if (row?.state === "queued") put({ ...row, state: "relayed" });
      }
    },
    async markDelivered({ peer, epoch, sequence }) {
      const arrived = waitingFor(peer).filter(
        (row) => row.sequence <= sequence && equalBytes(row.epoch, epoch),
      );
      finish(arrived, "delivered");
    },
    async queueAgain({ peer, epoch, from, to }) {
      const again = waitingFor(peer).filter(
        (row) => row.sequence >= from && row.sequence <= to && equalBytes(row.epoch, epoch),
      );
      for (const row of again) put({ ...row, state: "queued" });
      return again.map(({ sequence }) => sequence);
    },
    async renumber(peer, epoch) {
      const rows = waitingFor(peer);
      for (const [at, row] of rows.entries()) put({ ...row, epoch, sequence: at + 1, state: "queued" });
      return rows.length;
    },
    async drop(peer) {
      const rows = waitingFor(peer);
      finish(rows, "dropped");
      return rows.length;
    },
    async forgetBefore(atMs) {
      for (const row of tables.all("outbox")) {
        if (!isWaiting(row) && row.created_at < atMs) tables.remove("outbox", row.id);
      }
    },
    async waiting(peer) {
      return amountOf(waitingFor(peer));
    },
  };
}

function inboxRows(tables: KeptTables): PeerRows["inbox"] {
  const of = (epoch: EpochOf): InboxRow[] =>
    tables
      .all("inbox")
      .filter((row) => row.peer === epoch.peer && row.epoch === epoch.epoch)
      .sort(bySequence);
  const shown = (): (InboxRow & { position: number })[] =>
    tables
      .all("inbox")
      .filter((row) => row.position !== null)
      // Those without a position are out.
      .map((row) => ({ ...row, position: row.position ?? 0 }))
      .sort((one, other) => one.position - other.position);
  return {
    inbound: async (epoch) => tables.get("inbound", epochName(epoch)),
    countEpochs: async (peer) => tables.all("inbound").filter((row) => row.peer === peer).length,
    putInbound: async (row) => tables.put("inbound", epochName(row), row),
    async add(row) {
      const name = placeName(row);
      if (tables.get("inbox", name) !== undefined) return false;
      tables.put("inbox", name, row);
      return true;
    },
    after: async (place, limit) =>
      of(place)
        .filter(({ sequence }) => sequence > place.sequence)
        .slice(0, limit),
    async show(place) {
      const row = tables.get("inbox", placeName(place));
      if (row === undefined) return;
      const position = (tables.get("counters", "position") ?? 0) + 1;
      tables.put("counters", "position", position);
      tables.put("inbox", placeName(place), { ...row, position });
    },
    async dropUpTo(place, kind) {
      for (const row of of(place)) {
        if (row.kind === kind && row.sequence <= place.sequence) tables.remove("inbox", placeName(row));
      }
    },
    cameInAnother: async ({ peer, epoch }, id) =>
      tables.all("inbox").some((row) => row.peer === peer && row.id === id && row.epoch !== epoch),
    unread: async (peer) =>
      amountOf(tables.all("inbox").filter((row) => row.peer === peer && row.read === 0)),
    list: async ({ after, limit, unread }) =>
      shown()
        .filter((row) => row.position > after && !(unread && row.read === 1))
        .slice(0, limit),
    async markRead(upTo) {
      const rows = shown();
      for (const row of rows) {
        if (row.position <= upTo && row.read === 0) tables.put("inbox", placeName(row), { ...row, read: 1 });
      }
      const read = rows.filter((row) => row.position <= upTo || row.read === 1);
      for (const row of oldest(read, (one) => one.position)) tables.remove("inbox", placeName(row));
    },
  };
}

function isWaiting({ state }: OutboxRow): boolean {
  return state === "queued" || state === "relayed";
}

function bySequence(one: { sequence: number }, other: { sequence: number }): number {
  return one.sequence - other.sequence;
}

function amountOf(rows: readonly { body: Uint8Array }[]): { count: number; bytes: number } {
  return { count: rows.length, bytes: rows.reduce((sum, { body }) => sum + body.length, 0) };
}

/** What goes, so that the newest fit. */
function oldest<Row extends { body: Uint8Array }>(rows: readonly Row[], age: (row: Row) => number): Row[] {
  const newestFirst = [...rows].sort((one, other) => age(other) - age(one));
  let bytes = 0;
  return newestFirst.filter(({ body }, at) => (bytes += body.length) > READ_MAX_BYTES || at >= FINISHED_MAX);
}

function epochName({ peer, epoch }: EpochOf): string {
  return `${peer} ${epoch}`;
}

function placeName({ peer, epoch, sequence }: Place): string {
  return `${peer} ${epoch} ${sequence}`;
}
