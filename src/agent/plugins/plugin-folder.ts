// The plugins of this home: each folder in `plugins/` with a `plugin.toml`. The folder is looked at now and then, so that
// one is added, changed and removed without a word to the agent. A manifest with an error is told with its line and left
// out; the others run.
import { CAPABILITIES_PER_DEVICE } from "../../protocol/capabilities.ts";
import { systemCode } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { Disk, FileInfo, Timer, Timers } from "../../world/world.ts";
import type { Capability, CapabilitySource } from "../capabilities/capability.ts";
import type { Notices } from "../notices.ts";
import type { Answerer } from "../queries/query-desk.ts";
import { CommandPlugin } from "./command-plugin.ts";
import { MANIFEST_MAX_BYTES, readManifest, type PluginManifest, type TomlReader } from "./manifest.ts";
import type { Plugin, PluginGiven, PluginParts } from "./plugin.ts";
import { UrlPlugin } from "./url-plugin.ts";

export interface PluginFolderParts extends PluginParts {
  disk: Pick<Disk, "list" | "info" | "read">;
  timers: Timers;
  log: Log;
  notices: Pick<Notices, "set" | "clear">;
  toml: TomlReader;
  /** Absolute; it need not be there. */
  folder: string;
  changed(): void;
}

const LOOK_EVERY_MS = 5000;
const PLUGINS_MAX = 64;
const WRITABLE_BY_OTHERS = 0o022;
/** Of all of them: the rest is for what a device offers by itself. */
const CAPABILITIES_MAX = CAPABILITIES_PER_DEVICE - 16;

interface Known {
  /** What its manifest was when it was read, and those files. */
  mark: string;
  /** Files of its own that its command names. */
  own: readonly string[];
  name: string | undefined;
  /** Once there is room for it. */
  manifest: PluginManifest | undefined;
  plugin: Plugin | undefined;
}

export class PluginFolder implements CapabilitySource {
  readonly #parts: PluginFolderParts;
  /** By the name of its folder. */
  readonly #known = new Map<string, Known>();
  readonly #next: Timer;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  constructor(parts: PluginFolderParts) {
    this.#parts = parts;
    this.#next = parts.timers.every(LOOK_EVERY_MS, () => void this.look());
  }

  get capabilities(): readonly Capability[] {
    return this.#plugins.flatMap((plugin) => plugin.capabilities);
  }

  get queries(): Readonly<Record<string, Answerer>> {
    return Object.assign({}, ...this.#plugins.map((plugin) => plugin.queries).toReversed());
  }

  /** What the folder is like now; resolves when that has been followed. */
  look(): Promise<void> {
    this.#looking ??= this.#follow().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#next.cancel();
    await this.#looking;
    await Promise.all(this.#plugins.map((plugin) => plugin.stop()));
  }

  get #plugins(): Plugin[] {
    return [...this.#known.values()].flatMap(({ plugin }) => plugin ?? []);
  }

  async #follow(): Promise<void> {
    const names = await this.#names();
    for (const name of [...this.#known.keys()].filter((known) => !names.includes(known)))
      await this.#drop(name);
    for (const name of names) {
      if (this.#isClosed) return;
      await this.#lookAt(name).catch((error: unknown) => {
        this.#parts.log.warn("a plugin could not be looked at", { plugin: name, error });
      });
    }
  }

  async #names(): Promise<string[]> {
    const { disk, folder, log } = this.#parts;
    try {
      const names = (await disk.list(folder)).filter((name) => !name.startsWith(".")).toSorted();
      this.#tellStray(names.includes(MANIFEST));
      this.#tellRest(names[PLUGINS_MAX]);
      return names.slice(0, PLUGINS_MAX);
    } catch (error) {
      this.#tellStray(false);
      if (systemCode(error) !== "ENOENT") log.warn("the plugins could not be listed", { error });
      return [];
    }
  }

  /** As `cp -r PLUGIN plugins` leaves it where there was no such folder yet. */
  #tellStray(isThere: boolean): void {
    const { folder, notices } = this.#parts;
    if (!isThere) return notices.clear(STRAY);
    notices.set(STRAY, `${folder}/${MANIFEST} is no plugin: each has a folder of its own in ${folder}`);
  }

  #tellRest(first: string | undefined): void {
    const { folder, notices } = this.#parts;
    if (first === undefined) return notices.clear(TOO_MANY);
    const told = `${folder} has more than ${PLUGINS_MAX} plugins: ${first} and those behind it are left out`;
    notices.set(TOO_MANY, told);
  }

  async #lookAt(name: string): Promise<void> {
    const { disk, folder } = this.#parts;
    const path = `${folder}/${name}/${MANIFEST}`;
    const info = await disk.info(path).catch(() => undefined);
    if (info === undefined) return this.#drop(name);
    const around = [info, await disk.info(`${folder}/${name}`), await disk.info(folder)];
    const programs = await Promise.all((this.#known.get(name)?.own ?? []).map((file) => disk.info(file)));
    const mark = wholeMark(around, programs);
    if (this.#known.get(name)?.mark === mark) return;
    await this.#drop(name);
    const known: Known = { mark, own: [], name: undefined, manifest: undefined, plugin: undefined };
    this.#known.set(name, known);
    const problem = await this.#start(name, { known, path, around });
    this.#tell(name, problem);
    this.#parts.changed();
  }

  /** Why it is left out; undefined where it is not. */
  async #start(
    name: string,
    { known, path, around }: { known: Known; path: string; around: (FileInfo | undefined)[] },
  ): Promise<string | undefined> {
    const { disk, toml, log } = this.#parts;
    // Whoever may write it lets programs run here.
    if (around.some((info) => info === undefined || (info.mode & WRITABLE_BY_OTHERS) !== 0)) {
      return `${path} or a folder above it can be written by others on this machine: chmod go-w`;
    }
    // Reading another kind, such as a pipe, may have no end.
    if (around[0]?.kind !== "file") return `${path} is no file`;
    if ((around[0]?.size ?? 0) > MANIFEST_MAX_BYTES)
      return `${path} has more than ${MANIFEST_MAX_BYTES} bytes`;
    const read = readManifest(new TextDecoder().decode(await disk.read(path)), toml);
    if (!read.ok) return `${path}:${read.line}: ${read.problem}`;
    const { manifest } = read;
    known.name = manifest.name;
    const twin = [...this.#known].find(([, other]) => other !== known && other.name === manifest.name);
    if (twin !== undefined) {
      known.name = undefined;
      return `${path}: there is a plugin "${manifest.name}" already, in ${twin[0]}`;
    }
    const noRoom = this.#noRoomFor(manifest);
    if (noRoom !== undefined) return `${path}: ${noRoom}`;
    known.manifest = manifest;
    const exposed = await this.#exposed(known, { manifest, name, around });
    if (exposed !== undefined) return `${exposed} can be written by others on this machine: chmod go-w`;
    log.info("a plugin was found", { plugin: manifest.name, folder: name });
    known.plugin = pluginOf(this.#parts, {
      manifest,
      folder: `${this.#parts.folder}/${name}`,
      changed: () => this.#parts.changed(),
      trouble: (text) => this.#trouble(name, manifest, text),
    });
    return undefined;
  }

  #noRoomFor({ capabilities, queries }: PluginManifest): string | undefined {
    const taken = [...this.#known.values()].flatMap(({ manifest }) => manifest ?? []);
    const offered = taken.flatMap((other) => other.capabilities).length;
    const answered = taken.flatMap((other) => other.queries).length;
    if (offered + capabilities.length > CAPABILITIES_MAX)
      return `the plugins offer ${offered} of at most ${CAPABILITIES_MAX} capabilities already`;
    if (answered + queries.length > CAPABILITIES_PER_DEVICE)
      return `the plugins answer ${answered} of at most ${CAPABILITIES_PER_DEVICE} queries already`;
    return undefined;
  }

  /** A file of the plugin's own that its command names, and that others may change. */
  async #exposed(
    known: Known,
    { manifest, name, around }: { manifest: PluginManifest; name: string; around: (FileInfo | undefined)[] },
  ): Promise<string | undefined> {
    const { disk, folder } = this.#parts;
    const words = "command" in manifest.run ? manifest.run.command : [];
    known.own = words
      .filter((word) => word.startsWith("./"))
      .map((word) => `${folder}/${name}/${word.slice(2)}`);
    const infos = await Promise.all(known.own.map((file) => disk.info(file)));
    known.mark = wholeMark(around, infos);
    return known.own.find((_, at) => ((infos[at]?.mode ?? 0) & WRITABLE_BY_OTHERS) !== 0);
  }

  async #drop(name: string): Promise<void> {
    const known = this.#known.get(name);
    if (known === undefined) return;
    this.#known.delete(name);
    // What it left no room for, or whose name it had, is looked at anew.
    for (const other of this.#known.values()) if (other.plugin === undefined) other.mark = "";
    this.#parts.notices.clear(noticeKey(name));
    this.#parts.changed();
    await known.plugin?.stop();
  }

  #tell(name: string, problem: string | undefined): void {
    const { log, notices } = this.#parts;
    if (problem === undefined) return notices.clear(noticeKey(name));
    log.warn("a plugin is left out", { plugin: name, problem });
    notices.set(noticeKey(name), `a plugin is left out: ${problem}`);
  }

  #trouble(name: string, manifest: PluginManifest, text: string | undefined): void {
    const { notices } = this.#parts;
    if (text === undefined) notices.clear(noticeKey(name));
    else notices.set(noticeKey(name), `the plugin ${manifest.name} does not run: ${text}`);
  }
}

function pluginOf(parts: PluginParts, given: PluginGiven): Plugin {
  const { run } = given.manifest;
  return "command" in run
    ? new CommandPlugin(parts, given, run.command)
    : new UrlPlugin(parts, given, run.url);
}

/** Of its files only who may change them: a plugin may well write into one. */
function wholeMark(
  around: readonly (FileInfo | undefined)[],
  own: readonly (FileInfo | undefined)[],
): string {
  return [...around.map((each) => markOf(each)), ...own.map((each) => each?.mode ?? "")].join(" ");
}

function markOf(info: FileInfo | undefined): string {
  return info === undefined
    ? ""
    : `${info.inode}:${info.kind === "file" ? `${info.size}:${info.modifiedAt}` : ""}:${info.mode}`;
}

const MANIFEST = "plugin.toml";
const TOO_MANY = "plugins";
const STRAY = "stray plugin";

function noticeKey(name: string): string {
  return `plugin ${name}`;
}
