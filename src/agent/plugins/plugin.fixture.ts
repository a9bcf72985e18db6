// For tests: plugins that are shell scripts, real processes under a clock that is advanced by hand.
import { FakeTime } from "../../trunk/testing.ts";
import { SILENT_LOG, type Log, type LogFields } from "../../protocol/log.ts";
import type { MusterError } from "../../protocol/errors.ts";
import { realPrograms } from "../../world/programs.ts";
import type { Programs } from "../../world/world.ts";
import { realWorld } from "../../world/real.ts";
import type { CallAnswer } from "../capabilities/capability.ts";
import { CommandPlugin } from "./command-plugin.ts";
import type { PluginCapability, PluginManifest } from "./manifest.ts";
import type { PluginParts } from "./plugin.ts";

export const ECHO: PluginCapability = { protocol: "echo", version: "1.0.0", class: "compute", models: [] };

export interface TestPlugin extends AsyncDisposable {
  plugin: CommandPlugin;
  time: FakeTime;
  /** Why it does not run, the last that was said. */
  trouble(): string | undefined;
  logged: { event: string; fields: LogFields }[];
  changes(): number;
  /** Bytes of its standard error. */
  read(): number;
}

export function testParts(time = new FakeTime()): PluginParts & { logged: TestPlugin["logged"] } {
  const logged: TestPlugin["logged"] = [];
  const note = (event: string, fields: LogFields = {}): void => void logged.push({ event, fields });
  const log: Log = { ...SILENT_LOG, info: note, warn: note };
  return {
    clock: time,
    timers: time,
    random: { fraction: () => 1 },
    network: realWorld.network,
    programs: realPrograms,
    leftovers: { began() {}, ended() {} },
    log,
    environment: { PATH: process.env["PATH"] ?? "" },
    logged,
  };
}

export function scripted(script: string, manifest: Partial<PluginManifest> = {}): TestPlugin {
  return started(["/bin/sh", "-c", script], { manifest });
}

export function started(
  command: readonly string[],
  { manifest = {}, folder = "/tmp" }: { manifest?: Partial<PluginManifest>; folder?: string } = {},
): TestPlugin {
  const time = new FakeTime();
  let read = 0;
  const programs: Programs = {
    ...realPrograms,
    piped: (options) =>
      realPrograms.piped({
        ...options,
        output(from, bytes) {
          if (from === "stderr") read += bytes.length;
          options.output(from, bytes);
        },
      }),
  };
  const base = testParts(time);
  const parts = { ...base, programs };
  let trouble: string | undefined;
  let changes = 0;
  const plugin = new CommandPlugin(
    parts,
    {
      manifest: { name: "test", capabilities: [ECHO], queries: ["look"], run: { command }, ...manifest },
      folder,
      changed: () => (changes += 1),
      trouble: (text) => (trouble = text),
    },
    command,
  );
  return {
    plugin,
    time,
    trouble: () => trouble,
    logged: parts.logged,
    changes: () => changes,
    read: () => read,
    async [Symbol.asyncDispose]() {
      const stopped = plugin.stop();
      // Who does not end by itself is made to.
      time.advance(60_000);
      await stopped;
    },
  };
}

/** Waits for what real processes do. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const endAt = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > endAt) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function running({ plugin }: TestPlugin): Promise<void> {
  return until("the plugin", () => plugin.capabilities.length > 0);
}

export interface Heard extends CallAnswer {
  parts: unknown[];
  payload?: unknown;
  failure?: MusterError;
  refusal?: MusterError;
  isOver: boolean;
}

/** What is said to an asker, who takes `room` parts before it wants no more. */
export function hearer(room = Number.POSITIVE_INFINITY): Heard {
  const heard: Heard = {
    parts: [],
    isOver: false,
    part(data) {
      heard.parts.push(data);
      return heard.parts.length < room;
    },
    done(payload) {
      Object.assign(heard, { payload, isOver: true });
    },
    fail(failure) {
      Object.assign(heard, { failure, isOver: true });
    },
    refuse(refusal) {
      Object.assign(heard, { refusal, isOver: true });
    },
  };
  return heard;
}

export function callOf(
  plugin: { capabilities: CommandPlugin["capabilities"] },
  payload: unknown,
  heard: Heard,
) {
  const [capability] = plugin.capabilities;
  if (capability === undefined) throw new Error("the plugin offers nothing now");
  return capability.call({ payload, caller: "someone" }, heard);
}

/** Reads a line, and its id into $id. */
export const READ = 'read -r line; id=$(echo "$line" | sed "s/.*\\"id\\":\\([0-9]*\\).*/\\1/")';
export const HELLO = `${READ}; echo '{"jsonrpc":"2.0","id":1,"result":{}}'`;
/** Of the call at hand. */
export const REQUEST = 'request=$(echo "$line" | sed "s/.*\\"request_id\\":\\"\\([^\\"]*\\)\\".*/\\1/")';
