// The agent's side of the keepers: starts one for each task, talks to it while both live, and finds out what became of
// one that an earlier agent started.
import { join } from "node:path";
import type { Clock, PipedProgram, Processes, Programs } from "../../world/world.ts";
import { FRAME, frame, FrameReader, wordFrame } from "./frames.ts";
import { readKeptWord, type KeeperWord, type ProcessMark, type RunEnd } from "./kept-shapes.ts";
import { decideStart, readPart, writePart, type RunDisk } from "./run-folder.ts";
import { readTaskLog, tailOfTaskLog, type OutputName, type TaskLogPart } from "./task-log.ts";
import type { Task } from "./task.ts";

/** Which start of which task. */
export type RunName = Pick<Task, "id" | "launch">;

export interface KeptEvents {
  started(pid: number, atMs: number): void;
  output(from: OutputName, bytes: Uint8Array): void;
  inputTaken(bytes: number): void;
  /** The keeper is gone. With the program's end, if it told one. */
  gone(end: RunEnd | undefined): void;
}

/** A keeper that this agent started. */
export interface KeptRun {
  input(bytes: Uint8Array): void;
  tell(word: KeeperWord): void;
  pause(): void;
  resume(): void;
}

export type Found =
  | { state: "ended"; end: RunEnd }
  | { state: "running"; keeper: ProcessMark }
  /** It was started, and its keeper is no more. Nothing of it runs now. */
  | { state: "lost" }
  /** It never was, and never will be. */
  | { state: "never" };

export interface Keepers {
  /** Throws where nothing was started. */
  launch(task: Task, live: boolean, events: KeptEvents): Promise<KeptRun>;
  find(run: RunName): Promise<Found>;
  /** Asks a keeper that somebody else started to end its program. */
  cancel(run: RunName): Promise<void>;
  log(run: RunName, from: number, limit: number): Promise<TaskLogPart>;
  tail(run: RunName, mostBytes: number): Promise<{ text: string; end: number; cut: boolean }>;
  /** Everything that was kept of it. */
  forget(id: string): Promise<void>;
}

export interface KeepersOptions {
  disk: RunDisk;
  programs: Pick<Programs, "piped">;
  processes: Pick<Processes, "startMark" | "groupAlive" | "signalGroup">;
  clock: Clock;
  /** Where each task has its folder. */
  folder: string;
  /** The program that keeps one; its folder is the last argument. */
  command: readonly string[];
  /** Where commands run that name no folder. */
  home: string;
  environment: Record<string, string>;
}

export function openKeepers(options: KeepersOptions): Keepers {
  const { disk, processes, clock, folder, home, environment } = options;
  const folderOf = ({ id, launch }: RunName): string => join(folder, id, String(launch));

  async function look(run: RunName): Promise<Found> {
    const place = folderOf(run);
    const end = await readPart(disk, place, "end");
    if (end !== undefined) return { state: "ended", end };
    const start = await readPart(disk, place, "start");
    if (start === undefined) {
      await disk.makeFolder(place);
      const decided = await decideStart(disk, place, { keeper: null, at: clock.now() });
      return decided ? { state: "never" } : look(run);
    }
    const { keeper } = start;
    if (keeper === null) return { state: "never" };
    if (isAlive(processes, keeper)) return { state: "running", keeper };
    // It may have ended between the two looks.
    const late = await readPart(disk, place, "end");
    if (late !== undefined) return { state: "ended", end: late };
    const child = await readPart(disk, place, "child");
    if (child !== undefined && isAlive(processes, child)) processes.signalGroup(child.pid, "SIGKILL");
    return { state: "lost" };
  }

  return {
    async launch(task, live, events) {
      const place = folderOf(task);
      await disk.makeFolder(place);
      const request = { task: task.id, request: task.request, home, environment, live };
      await writePart(disk, place, { name: "request", value: request });
      return startKeeper(options, place, events);
    },

    find: look,

    async cancel(run) {
      const found = await look(run);
      if (found.state === "running") processes.signalGroup(found.keeper.pid, "SIGTERM");
    },

    log: (run, from, limit) => readTaskLog(disk, folderOf(run), { from, limit }),
    tail: (run, mostBytes) => tailOfTaskLog(disk, folderOf(run), mostBytes),
    forget: (id) => disk.remove(join(folder, id)),
  };
}

function startKeeper(
  { programs, command, environment }: KeepersOptions,
  folder: string,
  events: KeptEvents,
): KeptRun {
  const reader = new FrameReader();
  let end: RunEnd | undefined;
  const heard = (type: number, payload: Uint8Array): void => {
    if (type === FRAME.output || type === FRAME.errors) {
      return events.output(type === FRAME.output ? "stdout" : "stderr", new Uint8Array(payload));
    }
    const word = readKeptWord(payload);
    if (word === undefined) return;
    switch (word.type) {
      case "started":
        return events.started(word.pid, word.at);
      case "input_taken":
        return events.inputTaken(word.bytes);
      case "ended":
        end = word.end;
    }
  };
  const keeper: PipedProgram = programs.piped({
    command: [...command, folder],
    cwd: folder,
    environment,
    input: true,
    output(from, bytes) {
      if (from === "stderr") return;
      for (const { type, payload } of reader.read(bytes)) heard(type, payload);
    },
    inputDrained() {},
    ended: () => events.gone(end),
  });
  return {
    input: (bytes) => void keeper.write(frame(FRAME.input, bytes)),
    tell: (word) => void keeper.write(wordFrame(word)),
    pause: () => keeper.pause(),
    resume: () => keeper.resume(),
  };
}

/** Where the system tells no mark, the process group must do. */
function isAlive(
  processes: Pick<Processes, "startMark" | "groupAlive">,
  { pid, mark }: ProcessMark,
): boolean {
  return mark === null ? processes.groupAlive(pid) : processes.startMark(pid) === mark;
}
