// The folder of one start of a task: what an agent and the keeper of its program leave each other there. It is what
// makes "started once" true whoever is killed when:
//
//   request   the agent, before anything is started
//   start     whoever makes this file first decides: its keeper, and the program is started; or an agent that came
//             back and found none, and then no keeper that is late starts anything any more
//   child     the keeper, once the program runs
//   end       the keeper, once the program has ended
//   log.N     see task-log.ts
import { join } from "node:path";
import { systemCode } from "../../protocol/errors.ts";
import type { Disk } from "../../world/world.ts";
import {
  readJson,
  RUN_PARTS,
  type KeptRequest,
  type ProcessMark,
  type RunEnd,
  type RunStart,
} from "./kept-shapes.ts";

export type RunDisk = Pick<
  Disk,
  "read" | "write" | "create" | "makeFolder" | "list" | "remove" | "openAppend" | "info"
>;

interface Parts {
  request: KeptRequest;
  start: RunStart;
  child: ProcessMark;
  end: RunEnd;
}

/** Undefined where it is not there, or is not what it should be. */
export async function readPart<Name extends keyof Parts>(
  disk: Pick<Disk, "read">,
  folder: string,
  name: Name,
): Promise<Parts[Name] | undefined> {
  const bytes = await disk.read(join(folder, name)).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  const value = bytes === undefined ? undefined : readJson(bytes);
  return RUN_PARTS[name](value) ? (value as Parts[Name]) : undefined; // the check of this very name
}

export function writePart<Name extends keyof Parts>(
  disk: Pick<Disk, "write">,
  folder: string,
  part: { name: Name; value: Parts[Name] },
): Promise<void> {
  return disk.write(join(folder, part.name), JSON.stringify(part.value));
}

/** True for the one that decided. */
export function decideStart(disk: Pick<Disk, "create">, folder: string, start: RunStart): Promise<boolean> {
  return disk.create(join(folder, "start"), JSON.stringify(start));
}
