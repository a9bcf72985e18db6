// What is so of each share at the moment: its app's process, or for what somebody else runs, whether it was
// there at the last look. Kept in the runtime table for the next agent, which believes none of it unseen.
import { join } from "node:path";
import type { Kysely } from "kysely";
import { MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { ShareState } from "../../protocol/views.ts";
import type { AgentDatabase } from "../../store/agent-schema.ts";
import { findRuntime, setRuntime } from "../../store/runtime.ts";
import type { Timer, World } from "../../world/world.ts";
import { App, type AppRuntime } from "../apps/app.ts";
import { portAnswers } from "../apps/port-answers.ts";
import { lookedAtState, type ShareRecord } from "./share-record.ts";

export const LOOK_EVERY_MS = 5_000;

export interface RunnersOptions {
  world: Pick<World, "timers" | "clock" | "network" | "processes" | "disk">;
  db: Kysely<AgentDatabase>;
  log: Log;
  /** Folder of the apps' logs. */
  logs: string;
  /** What an app's command is given; PORT is added. */
  environment: Record<string, string>;
  /** The share as it is now; undefined when it is gone. */
  record(shareId: string): ShareRecord | undefined;
  /** A share's state is another now. */
  changed(shareId: string, state: ShareState): void;
}

export class ShareRunners {
  readonly #options: RunnersOptions;
  readonly #apps = new Map<string, App>();
  /** Of the others: whether it was there when last looked at. */
  readonly #there = new Map<string, boolean>();
  readonly #told = new Map<string, ShareState>();
  /** Writes of one share's runtime row come one after another. */
  readonly #writes = new Map<string, Promise<void>>();
  #looking = false;
  #timer: Timer | undefined;

  constructor(options: RunnersOptions) {
    this.#options = options;
  }

  stateOf(record: ShareRecord): ShareState {
    const app = this.#apps.get(record.row.id);
    return app === undefined
      ? lookedAtState(record, this.#there.get(record.row.id) ?? false)
      : app.runtime.state;
  }

  /** Where the app of this share writes; undefined where the agent runs none. */
  logPath({ flags }: ShareRecord): string | undefined {
    return flags.log === null ? undefined : join(this.#options.logs, flags.log);
  }

  /** Looks every five seconds at what somebody else runs. */
  startLooking(records: () => readonly ShareRecord[]): void {
    this.#timer = this.#options.world.timers.every(LOOK_EVERY_MS, () => void this.#lookAtAll(records()));
  }

  /** Rejects with `port_taken` or `app_failed`, and nothing is left running. */
  async start(record: ShareRecord, caller?: AbortSignal): Promise<void> {
    const app = this.#appOf(record);
    if (app === undefined) return this.look(record);
    await app.start(caller);
  }

  async stop(record: ShareRecord): Promise<void> {
    await this.#apps.get(record.row.id)?.stop();
    this.noteState(record);
  }

  /** Finds the process of an earlier agent again, keeps up what is wanted and ends what is not. */
  async restore(record: ShareRecord): Promise<void> {
    const app = this.#appOf(record);
    if (app === undefined) return this.look(record);
    const row = await findRuntime(this.#options.db, record.row.id);
    const known: AppRuntime | undefined = row && {
      pid: row.pid,
      startMark: row.start_mark,
      state: row.state,
      restarts: row.restarts,
      lastExit: row.last_exit,
    };
    const adopted = known !== undefined && app.adopt(known);
    const wanted = record.row.wanted_running === 1 && !record.flags.unfinished;
    if (adopted && !wanted) await app.stop();
    if (!adopted && wanted) app.keepUp();
  }

  /** The share is gone: its process has ended already. */
  forget(shareId: string): void {
    this.#apps.get(shareId)?.release();
    this.#apps.delete(shareId);
    this.#there.delete(shareId);
    this.#told.delete(shareId);
  }

  async look(record: ShareRecord): Promise<void> {
    const { network, disk } = this.#options.world;
    const { id, port, path } = record.row;
    const there =
      port === null
        ? path !== null && (await disk.info(path)) !== undefined
        : await portAnswers(network, port);
    // It may have been stopped or removed while it was looked at.
    const current = this.#options.record(id);
    if (current === undefined) return;
    this.#there.set(id, there);
    this.noteState(current);
  }

  /** Tells when the state is another than the last one told. */
  noteState(record: ShareRecord): void {
    const state = this.stateOf(record);
    if (this.#told.get(record.row.id) === state) return;
    this.#told.set(record.row.id, state);
    this.#options.changed(record.row.id, state);
  }

  /** Ends every app; those that do not end are told. */
  async stopAll(): Promise<void> {
    this.#timer?.cancel();
    const stops = await Promise.allSettled([...this.#apps.values()].map((app) => app.stop()));
    await this.written();
    const failed = stops.find((stop) => stop.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Lets every app live on for the next agent. */
  async releaseAll(): Promise<void> {
    this.#timer?.cancel();
    for (const app of this.#apps.values()) app.release();
    await this.written();
  }

  /** Once everything known so far is on the disk. */
  async written(): Promise<void> {
    await Promise.all(this.#writes.values());
  }

  #appOf(record: ShareRecord): App | undefined {
    const { row, command } = record;
    if (command === null) return undefined;
    const known = this.#apps.get(row.id);
    if (known !== undefined) return known;
    const logPath = this.logPath(record);
    if (row.path === null || row.port === null || logPath === undefined) {
      throw new MusterError("state_corrupt", `the app "${row.name}" lacks its folder, port or log`);
    }
    const app: App = new App(
      {
        shareId: row.id,
        name: row.name,
        command: [...command],
        folder: row.path,
        port: row.port,
        environment: { ...this.#options.environment, PORT: String(row.port) },
        logPath,
      },
      {
        world: this.#options.world,
        log: this.#options.log,
        changed: (runtime) => {
          this.#keep(row.id, runtime, logPath);
          if (this.#apps.get(row.id) === app) this.noteState(record);
        },
      },
    );
    this.#apps.set(row.id, app);
    return app;
  }

  /** Never rejects. A round that takes longer than a period is not begun twice. */
  async #lookAtAll(records: readonly ShareRecord[]): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const record of records) if (record.command === null) await this.look(record);
    } catch (error) {
      this.#options.log.warn("shares could not be looked at", { error: String(error) });
    } finally {
      this.#looking = false;
    }
  }

  #keep(shareId: string, runtime: AppRuntime, logPath: string): void {
    const { db, world, log } = this.#options;
    const row = {
      share_id: shareId,
      pid: runtime.pid,
      start_mark: runtime.startMark,
      state: runtime.state,
      since: world.clock.now(),
      restarts: runtime.restarts,
      last_exit: runtime.lastExit,
      log_path: logPath,
    };
    const write = (this.#writes.get(shareId) ?? Promise.resolve())
      .then(() => (this.#apps.has(shareId) ? setRuntime(db, row) : undefined))
      .catch((error: unknown) =>
        log.warn("what is so of an app could not be kept", { share: shareId, error: String(error) }),
      );
    this.#writes.set(shareId, write);
    void write.then(() => this.#writes.get(shareId) === write && this.#writes.delete(shareId));
  }
}
