// A simulated disk: files in memory that outlive the processes of their host. What a process had not made
// durable when the power went is lost or torn; what it was about to write when it was killed is there or not.
import { basename, dirname, normalize } from "node:path/posix";
import type { AppendFile, Disk, FileInfo, OpenFile } from "../../src/world/world.ts";
import type { SimProcess } from "./sim-process.ts";
import type { SeededRandom } from "./sim-random.ts";
import type { SimTime } from "./sim-time.ts";

interface Node {
  readonly kind: "file" | "folder";
  bytes: Uint8Array;
  /** How much of `bytes` a power loss leaves for sure. */
  durableBytes: number;
  readonly mode: number;
  readonly inode: number;
  modifiedAt: number;
}

const NOTHING = new Uint8Array(0);
/** How long one call takes, at most. */
const CALL_MAX_MS = 2;

export class SimDisk {
  readonly #time: SimTime;
  readonly #random: SeededRandom;
  readonly #nodes = new Map<string, Node>();
  /** Undoes what has been done but was not yet durable. */
  readonly #undo = new Set<() => void>();
  #nextInode = 1;
  /** While set, nothing more can be written. */
  failing: "ENOSPC" | "EIO" | undefined;

  constructor(time: SimTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
    this.#put("/", { kind: "folder", mode: 0o700 });
  }

  /** Puts a file there at once, folders and all. */
  place(path: string, bytes: Uint8Array | string = NOTHING, mode = 0o600): void {
    this.#makeFolders(dirname(path));
    this.#put(normalize(path), { kind: "file", mode, bytes: bytesOf(bytes) });
  }

  powerLost(): void {
    for (const undo of this.#undo) if (this.#random.chance(0.5)) undo();
    this.#undo.clear();
    for (const node of this.#nodes.values()) {
      const kept = this.#random.whole(node.durableBytes, node.bytes.length);
      node.bytes = node.bytes.slice(0, kept);
      node.durableBytes = kept;
    }
  }

  of(process: SimProcess): Disk {
    const call = <Value>(run: () => Value): Promise<Value> => this.#call(process, run);
    return {
      read: (path) => call(() => this.#file(path).bytes.slice()),
      write: async (path, bytes, mode = 0o600) => {
        const undo = await call(() => this.#write(path, bytesOf(bytes), mode));
        // Between these two the file is there, and nobody has been told.
        await call(() => this.#undo.delete(undo));
      },
      create: async (path, bytes, mode = 0o600) => {
        const undo = await call(() => {
          if (this.#nodes.has(normalize(path))) return undefined;
          return this.#write(path, bytesOf(bytes), mode);
        });
        if (undo === undefined) return false;
        await call(() => this.#undo.delete(undo));
        return true;
      },
      remove: (path) => call(() => this.#remove(path)),
      rename: (from, to) => call(() => this.#rename(from, to)),
      empty: (path) =>
        call(() => {
          const node = this.#file(path);
          node.bytes = NOTHING;
          node.durableBytes = 0;
        }),
      makeFolder: (path) => call(() => this.#makeFolders(path)),
      list: (path) => call(() => this.#list(path)),
      info: (path) => call(() => this.#info(path)),
      realPath: (path) => call(() => (this.#node(path), normalize(path))),
      open: (path) => call(() => this.#open(process, path)),
      openAppend: (path, mode = 0o600) => call(() => this.#openAppend(path, mode)),
    };
  }

  /** Some time later, or never when the process dies before. */
  #call<Value>(process: SimProcess, run: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      process.timers.after(this.#random.fraction() * CALL_MAX_MS, () => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #put(
    path: string,
    { kind, mode, bytes = NOTHING }: { kind: Node["kind"]; mode: number; bytes?: Uint8Array },
  ): Node {
    const inode = this.#nextInode++;
    const node = { kind, bytes, mode, inode, durableBytes: bytes.length, modifiedAt: this.#time.nowMs };
    this.#nodes.set(path, node);
    return node;
  }

  #write(path: string, bytes: Uint8Array, mode: number): () => void {
    this.#checkWritable(path);
    const place = normalize(path);
    this.#folder(dirname(place));
    const before = this.#nodes.get(place);
    if (before?.kind === "folder") throw systemError("EISDIR", path);
    const after = this.#put(place, { kind: "file", mode, bytes });
    const undo = () => {
      if (this.#nodes.get(place) !== after) return;
      if (before === undefined) this.#nodes.delete(place);
      else this.#nodes.set(place, before);
    };
    this.#undo.add(undo);
    return undo;
  }

  #remove(path: string): void {
    const place = normalize(path);
    for (const known of this.#nodes.keys()) {
      if (known === place || known.startsWith(`${place}/`)) this.#nodes.delete(known);
    }
  }

  #rename(from: string, to: string): void {
    const [source, target] = [normalize(from), normalize(to)];
    this.#node(from);
    this.#folder(dirname(target));
    const moved = [...this.#nodes].filter(([known]) => known === source || known.startsWith(`${source}/`));
    for (const [known, node] of moved) {
      this.#nodes.delete(known);
      this.#nodes.set(target + known.slice(source.length), node);
    }
  }

  #makeFolders(path: string): void {
    const place = normalize(path);
    const known = this.#nodes.get(place);
    if (known?.kind === "file") throw systemError("EEXIST", path);
    if (known !== undefined) return;
    this.#makeFolders(dirname(place));
    this.#put(place, { kind: "folder", mode: 0o700 });
  }

  #list(path: string): string[] {
    const place = normalize(path);
    this.#folder(place);
    const inside = [...this.#nodes.keys()].filter((known) => known !== "/" && dirname(known) === place);
    return inside.map((known) => basename(known)).sort();
  }

  #info(path: string): FileInfo | undefined {
    const node = this.#nodes.get(normalize(path));
    return node === undefined ? undefined : infoOf(node);
  }

  #open(process: SimProcess, path: string): OpenFile {
    const node = this.#file(path);
    return {
      info: infoOf(node),
      realPath: normalize(path),
      read: (position, length) => this.#call(process, () => node.bytes.slice(position, position + length)),
      close: () => Promise.resolve(),
    };
  }

  #openAppend(path: string, mode: number): AppendFile {
    const place = normalize(path);
    this.#folder(dirname(place));
    const node = this.#nodes.get(place) ?? this.#put(place, { kind: "file", mode });
    return {
      get size() {
        return node.bytes.length;
      },
      append: (bytes) => {
        this.#checkWritable(path);
        const longer = new Uint8Array(node.bytes.length + bytes.length);
        longer.set(node.bytes);
        longer.set(bytes, node.bytes.length);
        node.bytes = longer;
      },
      close: () => undefined,
    };
  }

  #checkWritable(path: string): void {
    if (this.failing !== undefined) throw systemError(this.failing, path);
  }

  #node(path: string): Node {
    const node = this.#nodes.get(normalize(path));
    if (node === undefined) throw systemError("ENOENT", path);
    return node;
  }

  #file(path: string): Node {
    const node = this.#node(path);
    if (node.kind !== "file") throw systemError("EISDIR", path);
    return node;
  }

  #folder(path: string): void {
    if (this.#node(path).kind !== "folder") throw systemError("ENOTDIR", path);
  }
}

function infoOf({ kind, bytes, mode, inode, modifiedAt }: Node): FileInfo {
  return { kind, size: bytes.length, modifiedAt, mode, inode };
}

function bytesOf(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes.slice();
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
