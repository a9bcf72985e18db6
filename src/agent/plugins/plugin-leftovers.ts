// The plugins that run, written down: an agent that was killed leaves those that do not mind the end of their input, and
// the next one ends them before it starts its own. A process is known by its id and the mark of its start.
import { z } from "zod";
import { fromUtf8 } from "../../protocol/bytes.ts";
import type { Log } from "../../protocol/log.ts";
import type { Disk, Processes } from "../../world/world.ts";

export interface PluginLeftoversParts {
  disk: Pick<Disk, "read" | "write" | "remove">;
  processes: Pick<Processes, "startMark" | "signalGroup">;
  log: Log;
  path: string;
}

const written = z.array(z.object({ pid: z.number().int().min(2), mark: z.string().min(1) })).max(1000);

export class PluginLeftovers {
  readonly #parts: PluginLeftoversParts;
  /** Mark by process id. */
  readonly #running = new Map<number, string>();
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: PluginLeftoversParts) {
    this.#parts = parts;
  }

  /** Ends what an earlier agent has left. */
  async clear(): Promise<void> {
    const { disk, processes, log, path } = this.#parts;
    const bytes = await disk.read(path).catch(() => undefined); // none was left, as it should be
    if (bytes === undefined) return;
    for (const { pid, mark } of read(bytes)) {
      if (processes.startMark(pid) !== mark) continue;
      log.warn("a plugin of an earlier agent is ended", { pid });
      processes.signalGroup(pid, "SIGKILL");
    }
  }

  began(pid: number): void {
    const mark = this.#parts.processes.startMark(pid);
    if (mark === undefined) return;
    this.#running.set(pid, mark);
    this.#write();
  }

  ended(pid: number): void {
    if (this.#running.delete(pid)) this.#write();
  }

  /** Resolves when what was said so far is on the disk. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  #write(): void {
    this.#writing = this.#writing.then(() => this.#store());
  }

  async #store(): Promise<void> {
    const { disk, log, path } = this.#parts;
    const all = [...this.#running].map(([pid, mark]) => ({ pid, mark }));
    try {
      if (all.length === 0) await disk.remove(path);
      else await disk.write(path, JSON.stringify(all));
    } catch (error) {
      log.warn("which plugins run could not be written down", { error });
    }
  }
}

function read(bytes: Uint8Array): z.infer<typeof written> {
  try {
    return written.parse(JSON.parse(fromUtf8(bytes) ?? ""));
  } catch {
    return []; // cut by the end of its writer, and worth nothing then
  }
}
