// A home's own files: its keys, which hub it belongs to. Read once at start, checked, and never guessed at.
import { join } from "node:path";
import type { Crypto, Signer } from "../identity/crypto.ts";
import { formatKeyFile, linkKeyOf, makeKeys, parseKeyFile, signerOf, type Keys } from "../identity/keys.ts";
import { MusterError, systemCode } from "../protocol/errors.ts";
import { hubFile, type HubFile } from "../protocol/local-api.ts";
import type { Log } from "../protocol/log.ts";
import { checkPrivate } from "../store/private-files.ts";
import { machineMark } from "../world/machine.ts";
import type { Clock, Disk } from "../world/world.ts";
import type { HomePaths } from "./home-paths.ts";

export interface Identity {
  keys: Keys;
  signer: Signer;
  linkKey: Uint8Array;
}

interface HomeWorld {
  disk: Disk;
  clock: Pick<Clock, "now">;
}

/** Makes the folder where it is missing. Throws `state_unsafe` when others can use it. */
export async function openHomeFolder(disk: Disk, paths: HomePaths): Promise<void> {
  await disk.makeFolder(paths.home);
  const info = await disk.info(paths.home);
  if (info !== undefined) checkPrivate(paths.home, info);
  await disk.makeFolder(paths.logs);
}

/**
 * The keys of this home, made when there are none. Keys that were made on another machine are set aside: two
 * machines with one key would take each other's place for ever.
 */
export async function loadIdentity(
  world: HomeWorld,
  given: { crypto: Crypto; paths: HomePaths; log: Log },
): Promise<Identity> {
  const { crypto, paths, log } = given;
  const known = await readKeys(world.disk, paths);
  if (known !== undefined && known.machine === machineMark()) return identityOf(crypto, known);
  if (known !== undefined) {
    const aside = `${paths.identity}.other-machine-${world.clock.now()}`;
    await world.disk.rename(paths.identity, aside);
    if ((await world.disk.info(paths.hubFile)) !== undefined) {
      await world.disk.rename(paths.hubFile, `${paths.hubFile}.other-machine-${world.clock.now()}`);
    }
    log.warn("this home came from another machine; its identity was set aside", { path: aside });
  }
  const keys = makeKeys(crypto, machineMark());
  await world.disk.write(paths.identity, formatKeyFile(keys).reveal());
  return identityOf(crypto, keys);
}

/** Undefined when this home has joined no hub. Throws `state_corrupt` for a file that is none. */
export async function readHubFile(disk: Disk, paths: HomePaths): Promise<HubFile | undefined> {
  const text = await readText(disk, paths.hubFile);
  if (text === undefined) return undefined;
  const parsed = hubFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new MusterError("state_corrupt", `${paths.hubFile} is damaged`, {
    hint: "restore it from a backup, or join again: muster init HUB_URL --token TOKEN --replace",
  });
}

export async function writeHubFile(disk: Disk, paths: HomePaths, file: HubFile): Promise<void> {
  await disk.write(paths.hubFile, `${JSON.stringify(file, null, 2)}\n`);
}

/** A secret of the hub's own folder, made when there is none. Throws `state_corrupt` for one of another length. */
export async function loadSecret(disk: Disk, path: string, make: () => Uint8Array): Promise<Uint8Array> {
  const known = await readPrivate(disk, path);
  const made = make();
  if (known !== undefined && known.length !== made.length) {
    throw new MusterError(
      "state_corrupt",
      `"${path}" is damaged: it has ${known.length} bytes, not ${made.length}`,
      {
        hint: "restore it from a backup: without it this hub is another one",
      },
    );
  }
  if (known !== undefined) return known;
  await disk.write(path, made);
  return made;
}

async function readKeys(disk: Disk, paths: HomePaths): Promise<Keys | undefined> {
  const bytes = await readPrivate(disk, paths.identity);
  if (bytes === undefined) return undefined;
  try {
    return parseKeyFile(new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new MusterError(error.code, `${paths.identity}: ${error.message}`, { ...hint, cause: error });
  }
}

async function readPrivate(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  const info = await disk.info(path);
  if (info === undefined) return undefined;
  checkPrivate(path, info);
  return disk.read(path);
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await disk.read(path));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function identityOf(crypto: Crypto, keys: Keys): Identity {
  return { keys, signer: signerOf(crypto, keys), linkKey: linkKeyOf(crypto, keys) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is no hub file
  }
}

/** Unix sockets have paths of at most 107 characters; a deep home keeps its own in the system's temporary folder. */
export function socketFolder(paths: HomePaths, temporary: string, mark: string): string {
  const LONGEST = 107 - "/agent.sock".length;
  return paths.sockets.length <= LONGEST ? paths.sockets : join(temporary, `muster-${mark}`);
}
