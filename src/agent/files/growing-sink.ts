// One file that comes, as it grows on this disk. How much of it is durable is written down now and then while it
// grows, and exactly when a session ends, so that the next one goes on there.
import type { FileSink } from "../../client/files/receive-file.ts";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import { storeError } from "../../store/sqlite-errors.ts";
import type { GrowingFile } from "../../world/world.ts";

/** What a crash may cost of a file that grows. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024;

export interface GrowingSinkOptions {
  file: GrowingFile;
  /** Durable already. */
  held: number;
  /** Writes down that so many bytes are durable. */
  note(held: number): Promise<void>;
  /** The file is whole and durable: into the inbox with it. */
  keep(sha256: string): Promise<void>;
}

export class GrowingSink implements FileSink {
  readonly held: number;
  readonly #options: GrowingSinkOptions;
  #at: number;
  #noted: number;
  #syncing: Promise<void> | undefined;
  #problem: unknown;
  #closed = false;

  constructor(options: GrowingSinkOptions) {
    this.#options = options;
    this.held = options.held;
    this.#at = options.held;
    this.#noted = options.held;
  }

  read(position: number, length: number): Promise<Uint8Array> {
    return guarded(() => this.#options.file.read(position, length));
  }

  async restart(): Promise<void> {
    await this.#syncing;
    await guarded(() => this.#options.file.truncate(0));
    await guarded(() => this.#options.note(0));
    this.#at = 0;
    this.#noted = 0;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#problem !== undefined) throw this.#problem;
    await guarded(() => this.#options.file.write(pieces, this.#at));
    for (const piece of pieces) this.#at += piece.length;
    // The disk is made to keep up while more is on its way.
    if (this.#at - this.#noted >= SYNC_EVERY_BYTES && this.#syncing === undefined) {
      this.#syncing = this.#sync()
        .catch((error: unknown) => (this.#problem = error))
        .then(() => (this.#syncing = undefined));
    }
  }

  async keep(sha256: string): Promise<void> {
    await this.#syncing;
    await guarded(() => this.#options.file.sync());
    await this.#end();
    await guarded(() => this.#options.keep(sha256));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#syncing;
    try {
      if (this.#at !== this.#noted) await this.#sync();
    } finally {
      await this.#end();
    }
  }

  async #sync(): Promise<void> {
    const at = this.#at;
    await guarded(() => this.#options.file.sync());
    await guarded(() => this.#options.note(at));
    this.#noted = at;
  }

  async #end(): Promise<void> {
    this.#closed = true;
    await this.#options.file.close();
  }
}

/** What a full or failing disk says, in words that the sender may read. */
async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const known = storeError(error);
    if (known instanceof MusterError) throw known;
    const code = systemCode(error);
    if (code === "") throw error;
    throw new MusterError("unavailable", `that device cannot write the file (${code})`, { cause: error });
  }
}
