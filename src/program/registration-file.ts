// The registration file: the hub and the token with which a machine that nobody sits at joins by itself, at the
// first start of its agent. It is tried until the hub takes or refuses it, and is never left lying about spent.
import { isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import { Secret } from "../identity/secret.ts";
import { MusterError, systemCode } from "../protocol/errors.ts";
import { isHostName } from "../protocol/names.ts";
import type { Log } from "../protocol/log.ts";
import { checkPrivate } from "../store/private-files.ts";
import type { Disk, Random, Timers } from "../world/world.ts";
import { hubUrlProblem } from "./config/setting-problems.ts";
import { parseToml } from "./config/toml-source.ts";

export interface Registration {
  path: string;
  hubUrl: string;
  token: Secret<string>;
  name: string | undefined;
  /** PEM file of the hub's own authority. */
  ca: string | undefined;
}

type RegistrationDisk = Pick<Disk, "info" | "read" | "remove" | "rename">;

const SYSTEM_FILE = "/etc/muster/registration";
const FILE_MAX_BYTES = 4096;

const content = z.strictObject({
  hub_url: z.string().refine((text) => hubUrlProblem(text) === undefined),
  token: z.string().min(1).max(300).optional(),
  code: z.string().min(1).max(300).optional(),
  name: z.string().refine(isHostName).optional(),
  ca: z.string().max(1024).refine(isAbsolute).optional(),
});

/**
 * The first of those there may be. Throws `usage` where MUSTER_REGISTRATION_FILE names none, `state_unsafe` for
 * one that others can read, `invalid` for one that is none.
 */
export async function findRegistration(
  disk: RegistrationDisk,
  {
    home,
    cwd,
    environment,
  }: { home: string; cwd: string; environment: Readonly<Record<string, string | undefined>> },
): Promise<Registration | undefined> {
  const named = environment["MUSTER_REGISTRATION_FILE"] ?? "";
  const places = named === "" ? [join(home, "registration"), SYSTEM_FILE] : [resolve(cwd, named)];
  for (const path of places) {
    const info = await disk.info(path);
    if (info === undefined) continue;
    checkPrivate(path, info);
    if (info.kind !== "file" || info.size > FILE_MAX_BYTES) throw damaged(path);
    return parse(path, new TextDecoder().decode(await disk.read(path)));
  }
  if (named === "") return undefined;
  throw new MusterError("usage", `there is no "${places[0]}", which MUSTER_REGISTRATION_FILE names`);
}

function parse(path: string, text: string): Registration {
  const toml = parseToml(text);
  const read = toml.ok ? content.safeParse(toml.value) : undefined;
  const token = read?.data?.token ?? read?.data?.code;
  if (read?.success !== true || token === undefined) throw damaged(path);
  const { hub_url: hubUrl, name, ca } = read.data;
  return { path, hubUrl, token: new Secret(token), name, ca };
}

function damaged(path: string): MusterError {
  return new MusterError("invalid", `"${path}" is no registration file`, {
    hint: 'it holds two lines: hub_url = "https://…" and token = "mst1_…"',
  });
}

export interface RegisterParts {
  disk: RegistrationDisk;
  timers: Pick<Timers, "after">;
  random: Pick<Random, "fraction">;
  log: Log;
  stop: AbortSignal;
  /** Joins the hub. Throws what it is refused with. */
  join(registration: Registration): Promise<void>;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** What says nothing about the token: the hub may be away, or busy. */
const PASSING = new Set(["hub_unreachable", "unavailable", "too_many", "conflict", "internal"]);

/** Resolves once it has joined. Throws the refusal, the file set aside, or when it is told to stop. */
export async function register(parts: RegisterParts, registration: Registration): Promise<void> {
  const { disk, log } = parts;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      await parts.join(registration);
      break;
    } catch (thrown) {
      parts.stop.throwIfAborted();
      if (!(thrown instanceof MusterError) || !PASSING.has(thrown.code)) {
        await setAside(disk, registration.path, log);
        throw refused(registration, thrown);
      }
      log.warn("the hub can't be joined yet", { hub: registration.hubUrl, problem: thrown.message });
      await wait(parts, waitMs * (0.5 + parts.random.fraction() / 2));
    }
  }
  await forget(disk, registration.path, log);
  log.info("joined with the registration file", { hub: registration.hubUrl, path: registration.path });
}

/** Spent. Where it can't be removed (a read-only image) it is of no use to anybody either. */
async function forget(disk: RegistrationDisk, path: string, log: Log): Promise<void> {
  await disk.remove(path).catch((error: unknown) => {
    log.warn("the spent registration file can't be removed", { path, problem: systemCode(error) });
  });
}

/** A refused one is not asked about again at every start. */
async function setAside(disk: RegistrationDisk, path: string, log: Log): Promise<void> {
  await disk.rename(path, `${path}.refused`).catch((error: unknown) => {
    log.warn("the refused registration file can't be set aside", { path, problem: systemCode(error) });
  });
}

function refused({ path, hubUrl }: Registration, thrown: unknown): MusterError {
  const why = thrown instanceof MusterError ? thrown : undefined;
  const code = why?.code ?? "internal";
  const message = `the hub at ${hubUrl} refused the registration file: ${why?.message ?? "internal error"}`;
  return new MusterError(code, message, {
    hint: `make a new token; the file is ${path}.refused now`,
    cause: thrown,
  });
}

function wait({ timers, stop }: RegisterParts, delayMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(delayMs, () => {
      stop.removeEventListener("abort", end);
      resolve();
    });
    const end = () => {
      timer.cancel();
      reject(stop.reason instanceof Error ? stop.reason : new MusterError("unavailable", "told to stop"));
    };
    stop.addEventListener("abort", end, { once: true });
  });
}
