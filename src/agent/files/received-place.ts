// Where files that come are put. What grows lies in a folder of its own, under a name that is computed here and not
// told by anybody; what is whole gets the number of its message and its plain name, and replaces nothing.
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import type { Disk, GrowingFile, LargeFiles } from "../../world/world.ts";
import type { ArrivalName } from "./arrival-rows.ts";

/** Left free for the rest of the machine. */
const SPARE_BYTES = 64 * 1024 * 1024;
const PARTIAL_NAME_CHARACTERS = 32;

export interface ReceivedPlaceOptions {
  disk: Pick<Disk, "info" | "makeFolder" | "remove" | "list">;
  files: LargeFiles;
  sha256(bytes: Uint8Array): Uint8Array;
  /** Folder of received files. */
  received: string;
}

export class ReceivedPlace {
  readonly #options: ReceivedPlaceOptions;

  constructor(options: ReceivedPlaceOptions) {
    this.#options = options;
  }

  /** Throws `storage_full` where `bytes` more, beside what was promised to others, do not fit. */
  async demandRoom(bytes: number, promisedBytes: number): Promise<void> {
    await this.#makeFolder();
    const free = await this.#options.files.freeBytes(this.#options.received);
    if (bytes + promisedBytes + SPARE_BYTES <= free) return;
    const megabytes = Math.ceil(bytes / 1_000_000);
    throw new MusterError("storage_full", `there is no room for ${megabytes} MB more on that device`, {
      hint: "free some space there and send it again",
    });
  }

  /** How much of a growing file is there at most. */
  async grown(name: ArrivalName): Promise<number> {
    return (await this.#options.disk.info(this.#partial(name)))?.size ?? 0;
  }

  async open(name: ArrivalName, keptBytes: number): Promise<GrowingFile> {
    await this.#makeFolder();
    return this.#options.files.openGrowing(this.#partial(name), keptBytes);
  }

  /** Where it is once it is whole. Repeatable, and done again by whoever looks where a crash came in between. */
  async settle(name: ArrivalName, kept: { position: number; name: string }): Promise<string> {
    const { disk, files, received } = this.#options;
    const partial = this.#partial(name);
    const path = `${received}/${kept.position}-${kept.name}`;
    const grown = await disk.info(partial);
    if (grown === undefined) return path;
    try {
      await files.moveNew(partial, path);
      return path;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return path; // another look has moved it
      if (systemCode(error) !== "EEXIST") throw error;
    }
    // Either the move was cut in its middle, or something of the person's own has this name.
    if ((await disk.info(path))?.inode !== grown.inode) return partial;
    await disk.remove(partial);
    return path;
  }

  async forget(name: ArrivalName): Promise<void> {
    await this.#options.disk.remove(this.#partial(name));
  }

  /** Which of these lie among what grows. */
  async among<Name extends ArrivalName>(names: readonly Name[]): Promise<Name[]> {
    const there = new Set(await this.#list());
    return names.filter((name) => there.has(this.#nameOf(name)));
  }

  /** What nobody knows of goes: it is left of a crash. */
  async tidy(known: readonly ArrivalName[]): Promise<void> {
    const names = new Set(known.map((name) => this.#nameOf(name)));
    for (const name of await this.#list()) {
      if (!names.has(name)) await this.#options.disk.remove(`${this.#folder}/${name}`);
    }
  }

  #list(): Promise<string[]> {
    return this.#options.disk.list(this.#folder).catch(() => []); // nothing has ever come
  }

  get #folder(): string {
    return `${this.#options.received}/.arriving`;
  }

  #partial(name: ArrivalName): string {
    return `${this.#folder}/${this.#nameOf(name)}`;
  }

  #nameOf({ peer, id }: ArrivalName): string {
    return toBase64Url(this.#options.sha256(utf8(`${peer} ${id}`))).slice(0, PARTIAL_NAME_CHARACTERS);
  }

  async #makeFolder(): Promise<void> {
    await this.#options.disk.makeFolder(this.#folder);
  }
}
