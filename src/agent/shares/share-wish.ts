// The wish behind `add`, checked: what is to be shared, under which name, with which access. Whoever asks is
// not believed to have checked anything; contradictions are refused with both sides named.
import { basename, isAbsolute, normalize } from "node:path";
import { makePassword } from "../../identity/passwords.ts";
import type { RandomBytes } from "../../identity/crypto.ts";
import { Secret } from "../../identity/secret.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { AddShare } from "../../protocol/local-api.ts";
import { HOST_NAME_MIN, hostNameProblem, nameFromFolder } from "../../protocol/names.ts";
import type { ShareKind } from "../../protocol/views.ts";
import { liesInHome } from "../gateway/other-homes.ts";
import { nothingIfMissing, type PageDisk } from "../gateway/page-files.ts";
import type { Disk } from "../../world/world.ts";

export interface ShareWish {
  kind: ShareKind;
  /** The name to begin with; a taken one gets a number. */
  name: string;
  /** Folder or file of a page, working directory of a command. */
  path: string | null;
  port: number | null;
  command: string[] | null;
  /** Undefined where none is asked for. */
  password: { word: Secret<string>; chosen: boolean } | undefined;
  expiresInMs: number | null;
}

export interface WishSurroundings {
  disk: Pick<Disk, "info">;
  /** As visitors may see it. */
  pageDisk: Pick<PageDisk, "realPath">;
  randomBytes: RandomBytes;
  /** Ports that are this program's own. */
  forbiddenPorts: readonly number[];
}

/** Ten years: further off is a slip of the pen, and dates have an end. */
const EXPIRES_MAX_MS = 3_650 * 86_400_000;

/** Throws `usage`, `invalid` or `not_found`. */
export async function checkWish(asked: AddShare, around: WishSurroundings): Promise<ShareWish> {
  refuseContradictions(asked);
  const { port, run } = asked;
  if (port !== undefined && around.forbiddenPorts.includes(port)) {
    throw new MusterError("usage", `port ${port} is Muster's own and can't be shared`);
  }
  if (asked.expires_in_ms !== undefined && asked.expires_in_ms > EXPIRES_MAX_MS) {
    throw new MusterError("usage", "a share ends within ten years, or never");
  }
  const path =
    asked.path === undefined
      ? null
      : await checkPath(asked.path, { disk: around.disk, folder: run !== undefined });
  if (path !== null && run === undefined) await refuseNoPage(path, around);
  return {
    kind: port === undefined ? "page" : "app",
    name: asked.name ?? defaultName(path, port),
    path,
    port: port ?? null,
    command: run === undefined ? null : ["/bin/sh", "-c", run],
    password: passwordOf(asked, around.randomBytes),
    expiresInMs: asked.expires_in_ms ?? null,
  };
}

function refuseContradictions(asked: AddShare): void {
  const { path, port, run, name } = asked;
  const refuse = (holds: boolean, message: string): void => {
    if (holds) throw new MusterError("usage", message);
  };
  refuse(path === undefined && port === undefined, "a share needs a path or a port");
  refuse(
    run === undefined && path !== undefined && port !== undefined,
    "a path and a port contradict each other",
  );
  refuse(run !== undefined && port === undefined, "a command needs the port that it serves");
  refuse(run !== undefined && path === undefined, "a command needs the folder it runs in");
  refuse(run?.trim() === "" || run?.includes("\0") === true, "the command is empty or holds a NUL");
  refuse(asked.spa === true && port !== undefined, "spa is for pages, and this is an app");
  refuse(asked.rewrite_host === true && port === undefined, "rewrite_host is for apps, and this is a page");
  refuse(
    asked.password !== undefined && asked.access !== "password",
    `a password and access "${asked.access}" contradict each other`,
  );
  refuse(asked.password === "", "a password has at least one character");
  refuse(asked.insecure === true && asked.access === "public", "a public share has no password to protect");
  refuse(
    !(asked.allow_origins ?? []).every(isOrigin),
    "an origin is scheme, host and port: https://app.example.com",
  );
  const problem = name === undefined ? undefined : hostNameProblem(name);
  refuse(problem !== undefined, `the name "${name ?? ""}" ${problem ?? ""}`);
}

async function checkPath(
  path: string,
  { disk, folder }: { disk: Pick<Disk, "info">; folder: boolean },
): Promise<string> {
  if (!isAbsolute(path) || path.includes("\0")) {
    throw new MusterError("usage", `"${path.slice(0, 200)}" is no absolute path`);
  }
  const normal = normalize(path);
  const info = await disk.info(normal);
  if (info === undefined) throw new MusterError("not_found", `there is no file or folder "${normal}"`);
  if (info.kind === "other") throw new MusterError("invalid", `"${normal}" is neither a file nor a folder`);
  if (folder && info.kind !== "folder")
    throw new MusterError("usage", `a command runs in a folder, and "${normal}" is a file`);
  return normal.length > 1 ? normal.replace(/\/+$/, "") : normal;
}

/** The machine's own: nobody means to publish them whole. */
const SYSTEM_FOLDERS = new Set(["/", "/etc", "/dev", "/proc", "/sys", "/private/etc"]);
/** Not even in part: what looks like files there is the inside of running programs. */
const NO_FILES = /^\/(?:proc|sys)\//;

async function refuseNoPage(path: string, { disk, pageDisk }: WishSurroundings): Promise<void> {
  const real = await nothingIfMissing(() => pageDisk.realPath(path));
  // It exists, as was checked: where visitors see nothing, it is this program's own.
  if (real === undefined || (await liesInHome(disk, real))) {
    throw new MusterError(
      "usage",
      `"${path}" is Muster's own folder, or may not be read, and can't be shared`,
    );
  }
  if (!SYSTEM_FOLDERS.has(real) && !NO_FILES.test(real)) return;
  throw new MusterError("usage", `"${path}" is the system's own, and can't be shared`, {
    hint: "share only the folder that others shall see, for example: muster add ~/site",
  });
}

function defaultName(path: string | null, port: number | undefined): string {
  const named = path === null ? undefined : nameFromFolder(basename(path));
  if (named !== undefined && named.length >= HOST_NAME_MIN) return named;
  return port === undefined ? "page" : `app-${port}`;
}

function passwordOf(asked: AddShare, randomBytes: RandomBytes): ShareWish["password"] {
  if (asked.access !== "password") return undefined;
  if (asked.password === undefined) return { word: makePassword(randomBytes), chosen: false };
  return { word: new Secret(asked.password), chosen: true };
}

/** As browsers write it. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
}
