// Hands what has come to a program, one message after the other, each until the program is done with it. One that
// it could not take is handed over again; what it had not finished when it ended, after its next start.
import { fromUtf8 } from "../../protocol/bytes.ts";
import { publicError } from "../../protocol/errors.ts";
import { decodeFile } from "../../protocol/file-in-message.ts";
import type { Log } from "../../protocol/log.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { ReceivedMessage } from "../peer.ts";
import type { InboxRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

export interface ReaderOptions {
  store: PeerStore;
  timers: Timers;
  log: Log;
  sha256(bytes: Uint8Array): Uint8Array;
  handle(message: ReceivedMessage): Promise<void> | void;
}

/** After a message that the program could not take. */
const AGAIN_MS = 5_000;
const AT_ONCE = 20;

export class Reader {
  readonly #options: ReaderOptions;
  #running = false;
  #again = false;
  #stopped = false;
  #pause: Timer | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.kick();
  }

  stop(): void {
    this.#stopped = true;
    this.#pause?.cancel();
  }

  /** There may be something. */
  kick(): void {
    this.#again = true;
    if (this.#running || this.#stopped || this.#pause !== undefined) return;
    this.#running = true;
    this.#readAll()
      .catch((error: unknown) => this.#wait(error))
      .finally(() => {
        this.#running = false;
        if (this.#again) this.kick();
      });
  }

  async #readAll(): Promise<void> {
    const { store, handle } = this.#options;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const rows = await store.inbox.list({ after: 0, limit: AT_ONCE, unread: true });
      for (const row of rows) {
        if (this.#stopped) return;
        await handle(messageOf(row, this.#options.sha256));
        await store.inbox.markRead(row.position ?? 0);
        this.#again = true;
      }
    }
  }

  #wait(error: unknown): void {
    if (this.#stopped) return;
    this.#options.log.warn("a message could not be handled", { problem: publicError(error).message, error });
    this.#again = false;
    this.#pause = this.#options.timers.after(AGAIN_MS, () => {
      this.#pause = undefined;
      this.kick();
    });
  }
}

export function messageOf(row: InboxRow, sha256: (bytes: Uint8Array) => Uint8Array): ReceivedMessage {
  const about = { position: row.position ?? 0, id: row.id, from: row.peer, at: row.at };
  if (row.kind === "text") return { ...about, type: "text", text: fromUtf8(row.body) ?? "" };
  const file = row.kind === "file" ? decodeFile(row.body, sha256) : undefined;
  return file === undefined ? { ...about, type: "unknown" } : { ...about, type: "file", ...file };
}
