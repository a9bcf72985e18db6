// The tasks of one device for a client that stays: what is asked goes one after the other in one sealed session, which
// ends when nobody has asked for a while; whoever follows a log has a session of its own, since that waits for bytes.
import { fromBase64Url } from "../../protocol/bytes.ts";
import { errorOf } from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { TASK_ANSWERS, taskView, type TaskAct, type TaskAnswer } from "../../protocol/tasks.ts";
import type { TaskRequest, TaskView } from "../../protocol/tasks.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import type { Clock, Random, Timer } from "../../world/world.ts";
import {
  DeviceSession,
  type Controller,
  type OrderedDevice,
  type OrderEvents,
  type OrderWish,
} from "./device-session.ts";

export interface DeviceTasksOptions {
  controller: Controller;
  device: OrderedDevice;
  clock: Pick<Clock, "now">;
  random: Pick<Random, "bytes">;
}

export interface LogPiece {
  from: "stdout" | "stderr";
  bytes: Uint8Array;
}

export interface LogPage {
  /** Position of its first byte; more than where the page before ended, where something was left out. */
  at: number;
  /** Behind the last piece: where the next page begins. */
  next: number;
  pieces: LogPiece[];
  /** Nothing more is going to be written. */
  ended: boolean;
}

/** A cancelled program has five seconds to end, a followed log as long to grow. */
const ANSWER_MS = 15_000;
const IDLE_MS = 30_000;
const WAITING_MAX = 16;
const FOLLOWING_MAX = 8;
/** Between two pages of a log that grows by little. */
const PACE_MS = 100;
const LOG_PAGE_BYTES = 128 * 1024;
const SILENT: OrderEvents = { accepted() {}, output() {}, inputRoom() {}, drain() {} };

export class DeviceTasks {
  readonly #options: DeviceTasksOptions;
  readonly #following = new Set<DeviceSession>();
  #session: DeviceSession | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: Timer | undefined;

  constructor(options: DeviceTasksOptions) {
    this.#options = options;
  }

  /** Rejects with the device's refusal, or what kept it from being asked. */
  async ask<Act extends TaskAct>(act: Act, request: TaskRequest<Act>): Promise<TaskAnswer<Act>> {
    // The kinds are named after the acts, and so are the answers.
    const result = await this.#command({ kind: `task.${act}`, request });
    return TASK_ANSWERS[act].parse(result) as TaskAnswer<Act>;
  }

  /** Taken durably by the device, whether anybody waits or not. */
  async run(script: string): Promise<TaskView> {
    const result = await this.#command({ kind: "exec", request: { script, stdin: false, detach: true } });
    return taskView.parse(result);
  }

  /**
   * What it writes, from position `from` to its end; where it writes faster than it can be read, only the latest so
   * many bytes. Aborting `left` ends it with an error, and so does `close`.
   */
  async *follow(
    task: string,
    { from, latestBytes }: { from: number; latestBytes: number },
    left: AbortSignal,
  ): AsyncGenerator<LogPage> {
    const { controller, device } = this.#options;
    if (this.#following.size >= FOLLOWING_MAX)
      throw new MusterError("too_many", "too many logs are followed");
    const session = new DeviceSession(controller, device);
    const gone = (): void => session.close();
    this.#following.add(session);
    left.addEventListener("abort", gone, { once: true });
    if (left.aborted) gone();
    try {
      for (let at = from; ;) {
        const request = { task, from: at, limit: LOG_PAGE_BYTES, wait: true };
        const result = await this.#answer(session, { kind: "task.logs", request, commandId: this.#newId() });
        const { pieces, next, start, end, ended } = TASK_ANSWERS.logs.parse(result);
        if (next < at) throw new MusterError("protocol_error", "the device went back in a log");
        const first = Math.max(at, start);
        yield { at: first, next, pieces: pieces.map(readPiece), ended };
        if (ended) return;
        at = Math.max(next, end - latestBytes);
        if (next - first < LOG_PAGE_BYTES / 2) await this.#pause();
      }
    } finally {
      left.removeEventListener("abort", gone);
      this.#following.delete(session);
      session.close();
    }
  }

  /** What runs there goes on. */
  close(): void {
    this.#endSession();
    for (const session of this.#following) session.close();
  }

  #command(asked: Omit<OrderWish, "commandId">): Promise<unknown> {
    if (this.#waiting >= WAITING_MAX) {
      const { name } = this.#options.device;
      return Promise.reject(new MusterError("too_many", `${name} has not answered what was asked before`));
    }
    this.#waiting += 1;
    const wish = { ...asked, commandId: this.#newId() };
    const answer = this.#turn.then(() => this.#inTurn(wish));
    this.#turn = answer.catch(() => {}).finally(() => (this.#waiting -= 1));
    return answer;
  }

  async #inTurn(wish: OrderWish): Promise<unknown> {
    const isOld = this.#session?.isOver === false;
    try {
      return await this.#answer(this.#open(), wish);
    } catch (error) {
      // One that stood idle may have gone unseen. The same id starts nothing a second time.
      if (!isOld || publicError(error).code !== "session_cut") throw error;
      return await this.#answer(this.#open(), wish);
    } finally {
      this.#idle = this.#options.controller.timers.after(IDLE_MS, () => this.#endSession());
    }
  }

  #open(): DeviceSession {
    this.#idle?.cancel();
    if (this.#session === undefined || this.#session.isOver) {
      const { controller, device } = this.#options;
      this.#session = new DeviceSession(controller, device);
    }
    return this.#session;
  }

  async #answer(session: DeviceSession, wish: OrderWish): Promise<unknown> {
    let isLate = false;
    const limit = this.#options.controller.timers.after(ANSWER_MS, () => {
      isLate = true;
      session.close();
    });
    try {
      const { result, error } = await session.order(wish, SILENT);
      if (error !== undefined) throw errorOf(error);
      return result;
    } catch (error) {
      if (!isLate) throw error;
      throw new MusterError("unavailable", `${this.#options.device.name} did not answer in time`);
    } finally {
      limit.cancel();
    }
  }

  #endSession(): void {
    this.#idle?.cancel();
    this.#session?.end();
    this.#session = undefined;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#options.controller.timers.after(PACE_MS, resolve));
  }

  #newId(): string {
    const { clock, random } = this.#options;
    return uuidV7(clock.now(), random.bytes(10));
  }
}

function readPiece({ from, bytes }: { from: "stdout" | "stderr"; bytes: string }): LogPiece {
  // The shape of an answer has checked that it is base64url.
  return { from, bytes: fromBase64Url(bytes) ?? new Uint8Array(0) };
}
