// The machine as it is, for installing a service.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, lstat, mkdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { systemCode } from "../../protocol/errors.ts";
import { realDisk } from "../../world/disk.ts";
import { runCommand, streamCommand } from "../../world/run-command.ts";
import { realTimers } from "../../world/time.ts";
import type { Environment } from "../parts.ts";
import type { Program } from "./layout.ts";
import type { ServiceHost } from "./service-host.ts";

const PROGRAM_MODE = 0o755;

export function realHost(environment: Environment, program: Program): ServiceHost {
  const { uid, username } = userInfo();
  const folder = environment["HOME"] ?? "";
  return {
    platform: process.platform,
    user: { uid, name: username, folder: folder === "" ? homedir() : folder },
    environment,
    program,
    disk: realDisk,
    async makeFolder(path, mode) {
      const made = await mkdir(path, { recursive: true, mode });
      // The umask may have taken what others need to get to the program.
      if (made !== undefined && mode !== 0o700) await chmod(path, mode);
    },
    async copyProgram(from, to) {
      // A running program can't be written over; it can be taken another's place of.
      const temporary = `${to}.new`;
      await copyFile(from, temporary);
      await chmod(temporary, PROGRAM_MODE);
      await rename(temporary, to);
    },
    async same(one, other) {
      const [first, second] = await Promise.all([stat(one), stat(other)]);
      if (first.size !== second.size) return false;
      return (await digestOf(one)) === (await digestOf(other));
    },
    async linkAt(path) {
      try {
        return (await lstat(path)).isSymbolicLink() ? await readlink(path) : "";
      } catch (error) {
        if (systemCode(error) === "ENOENT") return undefined;
        throw error;
      }
    },
    async makeLink(target, path) {
      const temporary = `${path}.new`;
      await rm(temporary, { force: true });
      await symlink(target, temporary);
      await rename(temporary, path);
    },
    run: runCommand,
    stream: streamCommand,
    pause: (delayMs) => new Promise((resolve) => realTimers.after(delayMs, resolve)),
  };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array); // without encoding: bytes
  return hash.digest("hex");
}
