// What the person at this device does with files on their way: send one, look at those that go and come, take one
// back, turn one away.
import type { Kysely } from "kysely";
import { basename } from "node:path";
import { z } from "zod";
import { fromUtf8, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { FileArriving, FileSendView } from "../../protocol/local-peers.ts";
import type { Clock, Disk } from "../../world/world.ts";
import type { StateDatabase } from "../state-migrations.ts";
import { listArriving } from "./arrival-rows.ts";
import type { FileArrivals } from "./file-arrivals.ts";
import type { FileSends } from "./file-sends.ts";
import { markOf, unreadable } from "./file-source.ts";
import type { ReceivedPlace } from "./received-place.ts";
import { findSend, listSends, queueSend, type SendRow } from "./send-rows.ts";

export interface FileDeskOptions {
  db: Kysely<StateDatabase>;
  clock: Clock;
  disk: Pick<Disk, "open">;
  randomBytes(length: number): Uint8Array;
  sends: FileSends;
  arrivals: FileArrivals;
  place: ReceivedPlace;
  /** The person has seen how this one ended. */
  seen(id: string): void;
  /** Told after any change of what goes or comes. Returns how to stop listening. */
  listen(listener: () => void): () => void;
}

const ID_BYTES = 16;

const keptBody = z.object({ name: z.string(), size: z.number(), sha256: z.string() });

/** What the person here calls a key. */
export type PeerNames = (key: string) => string;

export class FileDesk {
  readonly #options: FileDeskOptions;

  constructor(options: FileDeskOptions) {
    this.#options = options;
  }

  listen(listener: () => void): () => void {
    return this.#options.listen(listener);
  }

  /** Durable when it resolves; the file itself stays where it is, and has to stay as it is. */
  async send(peer: string, path: string): Promise<SendRow> {
    const { db, clock, disk, sends } = this.#options;
    const name = basename(path);
    const file = await disk.open(path).catch((error: unknown) => {
      throw unreadable(name, error);
    });
    const { size, modifiedAt, inode } = markOf(file.info);
    await file.close();
    const row = await queueSend(db, {
      id: this.#makeId(),
      peer,
      path: file.realPath,
      name,
      size,
      modified_at: modifiedAt,
      inode,
      created_at: clock.now(),
    });
    sends.look();
    return row;
  }

  async sending(id: string, nameOf: PeerNames): Promise<FileSendView> {
    return this.#view(await this.#find(id), nameOf);
  }

  async list(nameOf: PeerNames): Promise<FileSendView[]> {
    return (await listSends(this.#options.db)).map((row) => this.#view(row, nameOf));
  }

  async cancel(id: string, nameOf: PeerNames): Promise<FileSendView> {
    const row = await this.#find(id);
    await this.#options.sends.cancel(row.id);
    return this.#view(await this.#find(row.id), nameOf);
  }

  async arriving(nameOf: PeerNames): Promise<FileArriving[]> {
    const rows = await listArriving(this.#options.db);
    return rows.map((row) => {
      const moved = this.#options.arrivals.movedOf(row);
      return {
        id: row.id,
        from: nameOf(row.peer),
        at: new Date(row.created_at).toISOString(),
        name: row.name,
        size: row.size,
        bytes: moved ?? row.held,
        state: moved === undefined ? "waiting" : "arriving",
      };
    });
  }

  /** By its id or the beginning of it. Throws `not_found`, `ambiguous`. */
  async refuse(reference: string): Promise<{ id: string; name: string }> {
    const rows = await listArriving(this.#options.db);
    const row = only(rows, reference, "no file is on its way here");
    await this.#options.arrivals.refuse(row);
    return { id: row.id, name: row.name };
  }

  /** Of a message that stands for a file which has come. Undefined for a body that is none. */
  async received(row: { peer: string; id: string; position: number; body: Uint8Array }) {
    const read = keptBody.safeParse(parse(row.body));
    if (!read.success) return undefined;
    const { name, size, sha256 } = read.data;
    return {
      name,
      size,
      sha256,
      path: await this.#options.place.settle(row, { position: row.position, name }),
    };
  }

  /** None that a command line takes for an option. */
  #makeId(): string {
    for (;;) {
      const id = toBase64Url(this.#options.randomBytes(ID_BYTES));
      if (!id.startsWith("-")) return id;
    }
  }

  #view(row: SendRow, nameOf: PeerNames): FileSendView {
    const { sends } = this.#options;
    const moved = sends.movedOf(row.id);
    if (row.state !== "queued") this.#options.seen(row.id);
    const isGoing = row.state === "queued" && moved !== undefined;
    const problem: unknown = row.problem === null ? undefined : JSON.parse(row.problem);
    const waits = row.state === "queued" && !isGoing ? sends.problemOf(row.peer)?.message : undefined;
    return {
      id: row.id,
      to: nameOf(row.peer),
      name: row.name,
      size: row.size,
      bytes: row.state === "delivered" ? row.size : (moved ?? 0),
      state: isGoing ? "sending" : row.state,
      ...(row.sha256 === null ? {} : { sha256: row.sha256 }),
      // It was written by this program from an error's own form.
      ...(problem === undefined ? {} : { problem: problem as FileSendView["problem"] }),
      ...(waits === undefined ? {} : { waits }),
    };
  }

  async #find(reference: string): Promise<SendRow> {
    const { db } = this.#options;
    return (await findSend(db, reference)) ?? only(await listSends(db), reference, "no file is being sent");
  }
}

function only<Row extends { id: string }>(rows: readonly Row[], reference: string, none: string): Row {
  const matching = rows.filter(({ id }) => id.startsWith(reference));
  const [row] = matching;
  const shown = reference.slice(0, 64);
  if (row === undefined) {
    throw new MusterError("not_found", `${none} under the id "${shown}"`, {
      hint: "see them: muster send --list, muster inbox --arriving --json",
    });
  }
  if (matching.length === 1) return row;
  throw new MusterError("ambiguous", `"${shown}" begins ${matching.length} ids`);
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(body) ?? "");
  } catch {
    return undefined; // which no shape accepts
  }
}
