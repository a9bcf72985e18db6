// The program's file while it is replaced. What was downloaded lies beside it until it is whole, checked and
// known to run here; then one rename puts it in place, and the one before it stays as `muster.previous`.
import { createHash, randomUUID } from "node:crypto";
import { copyFile, link, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import type { ReleaseFile } from "../../protocol/release.ts";

const TRIAL_TIMEOUT_MS = 20_000;
const SAID_MAX_CHARACTERS = 200;

export function previousOf(path: string): string {
  return `${path}.previous`;
}

/** Writes the bytes beside `path`; returns where. Throws, with nothing left behind, unless they are `file`'s. */
export async function stage(
  path: string,
  file: Pick<ReleaseFile, "size" | "sha256">,
  bytes: AsyncIterable<Uint8Array>,
): Promise<string> {
  const staged = join(dirname(path), `.muster-${randomUUID()}.new`);
  try {
    await writeChecked(staged, file, bytes);
    return staged;
  } catch (error) {
    await rm(staged, { force: true });
    throw ["EACCES", "EPERM", "EROFS"].includes(systemCode(error)) ? notWritable(path, error) : error;
  }
}

async function writeChecked(
  staged: string,
  { size, sha256 }: Pick<ReleaseFile, "size" | "sha256">,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const hash = createHash("sha256");
  let length = 0;
  const handle = await open(staged, "wx", 0o755);
  try {
    for await (const part of bytes) {
      length += part.length;
      if (length > size) break;
      hash.update(part);
      await handle.writeFile(part);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (length !== size || hash.digest("hex") !== sha256) {
    throw new MusterError("bad_signature", "the download is not the program that the manifest names", {
      hint: "it may have been cut on its way: try again. Nothing was changed",
    });
  }
}

/** Whether it runs on this system at all, and is what it should be. Throws `upgrade_refused`. */
export async function tryOut(staged: string, version: string): Promise<void> {
  const child = Bun.spawn([staged, "version"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: TRIAL_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const [code, out, said] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code === 0 && out.trim() === `muster ${version}`) return;
  const words = `${out}${said}`.replaceAll(/[^ -~]+/g, " ").trim();
  throw new MusterError(
    "upgrade_refused",
    `version ${version} does not run on this system: ${words.slice(0, SAID_MAX_CHARACTERS) || `exit ${code}`}`,
    { hint: "nothing was changed" },
  );
}

/** At every moment there is a whole program at `path`. */
export async function swapIn(path: string, staged: string): Promise<void> {
  const keeping = `${previousOf(path)}.new`;
  try {
    await rm(keeping, { force: true });
    // A second name costs nothing; where the file system has none, a copy.
    await link(path, keeping).catch(() => copyFile(path, keeping));
    await rename(keeping, previousOf(path));
    await rename(staged, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw notWritable(path, error);
  }
}

/** What is not needed any more; nothing when it was put in place. */
export async function discard(staged: string): Promise<void> {
  await rm(staged, { force: true });
}

/** The previous one again. */
export async function rollBack(path: string): Promise<void> {
  await rename(previousOf(path), path);
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  // Some file systems refuse; the rename holds all the same.
  await folder.sync().catch(() => undefined);
  await folder.close();
}

function notWritable(path: string, cause: unknown): MusterError {
  return new MusterError("forbidden", `this user can't replace ${path}`, {
    hint: `run it as the owner of that file${path.startsWith("/opt/") ? ": sudo muster upgrade" : ""}`,
    cause,
  });
}
