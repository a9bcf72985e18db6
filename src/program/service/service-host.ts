// What installing a service touches: files, the system's own tools, this program. Tests hand in their own.
import type { Disk } from "../../world/world.ts";
import type { CommandOptions, CommandResult } from "../../world/run-command.ts";
import type { Program, ServiceUser } from "./layout.ts";

export interface ServiceHost {
  /** As in `process.platform`. */
  readonly platform: string;
  readonly user: ServiceUser;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program: Program;
  readonly disk: Pick<Disk, "read" | "write" | "remove" | "info" | "list">;
  /** With its parents; ours alone (0700), or for everyone to read (0755). */
  makeFolder(path: string, mode: number): Promise<void>;
  /** A program for everyone to run, put in place at once. */
  copyProgram(from: string, to: string): Promise<void>;
  /** Whether two files hold the same bytes. */
  same(one: string, other: string): Promise<boolean>;
  /** Where a link leads, undefined where there is none; "" for what is there and no link. */
  linkAt(path: string): Promise<string | undefined>;
  makeLink(target: string, path: string): Promise<void>;
  run(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  stream(
    command: readonly string[],
    options: {
      environment?: Readonly<Record<string, string>>;
      write(text: string): void;
      signal: AbortSignal;
    },
  ): Promise<number>;
  pause(delayMs: number): Promise<void>;
}

export interface ServiceState {
  installed: boolean;
  state: "running" | "starting" | "stopped" | "failed";
  pid: number | null;
  /** ISO 8601. */
  since: string | null;
}

/** systemd or launchd, over one layout. Every call may be repeated. */
export interface ServiceManager {
  readonly kind: "systemd" | "launchd";
  /** The text of the unit as it should be. */
  unitText(): Promise<string>;
  /** The unit was written or removed. */
  changed(): Promise<void>;
  /** Starts it now and at every boot or login; says what a person must know. */
  enable(): Promise<string[]>;
  /** Ends it and never starts it again. */
  disable(): Promise<void>;
  state(): Promise<ServiceState>;
  start(): Promise<void>;
  stop(): Promise<void>;
  restart(): Promise<void>;
  logs(options: {
    lines: number;
    follow: boolean;
    write(text: string): void;
    signal: AbortSignal;
  }): Promise<void>;
}
