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
import { z } from "zod";
import { COMMAND_REQUESTS } from "../../protocol/command-messages.ts";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { systemCode } from "../../protocol/errors.ts";
import type { Disk } from "../../world/world.ts";

export type RunDisk = Pick<
  Disk,
  "read" | "write" | "create" | "makeFolder" | "list" | "remove" | "openAppend" | "info"
>;

export const keptRequest = z.object({
  task: z.string(),
  request: COMMAND_REQUESTS.exec,
  /** Of commands that name no folder. */
  home: z.string(),
  environment: z.record(z.string(), z.string()),
  /** Whether what it writes is told to the agent too. */
  live: z.boolean(),
});
export type KeptRequest = z.infer<typeof keptRequest>;

/** A process, and when it began: a pid alone may be another's by now. */
export const processMark = z.object({ pid: z.number().int(), mark: z.string().nullable() });
export type ProcessMark = z.infer<typeof processMark>;

/** `keeper` null: an agent decided that this start does not take place. */
const runStart = z.object({ keeper: processMark.nullable(), at: z.number() });
export type RunStart = z.infer<typeof runStart>;

export const runEnd = z.object({
  exit_code: z.number().int().nullable(),
  signal: z.string().nullable(),
  reason: z.string().nullable(),
  started_at: z.number(),
  ended_at: z.number(),
});
export type RunEnd = z.infer<typeof runEnd>;

const SHAPES = { request: keptRequest, start: runStart, child: processMark, end: runEnd } as const;
type Part = keyof typeof SHAPES;

/** Undefined where it is not there, or is not what it should be. */
export async function readPart<Name extends Part>(
  disk: Pick<Disk, "read">,
  folder: string,
  name: Name,
): Promise<z.infer<(typeof SHAPES)[Name]> | undefined> {
  const bytes = await disk.read(join(folder, name)).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  const read = SHAPES[name].safeParse(parse(bytes));
  return read.success ? (read.data as z.infer<(typeof SHAPES)[Name]>) : undefined; // the shape of this very name
}

export function writePart<Name extends Part>(
  disk: Pick<Disk, "write">,
  folder: string,
  part: { name: Name; value: z.infer<(typeof SHAPES)[Name]> },
): Promise<void> {
  return disk.write(join(folder, part.name), JSON.stringify(part.value));
}

/** True for the one that decided. */
export function decideStart(disk: Pick<Disk, "create">, folder: string, start: RunStart): Promise<boolean> {
  return disk.create(join(folder, "start"), JSON.stringify(start));
}

function parse(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse((bytes === undefined ? undefined : fromUtf8(bytes)) ?? "");
  } catch {
    return undefined; // which fits no shape
  }
}
