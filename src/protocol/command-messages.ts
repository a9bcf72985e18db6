// What is said inside a sealed session between a controller and a device. A message that begins with "{" is one
// of the JSON objects below; any other is a channel byte and raw bytes.
//
//   both        head                        number and hash of the last entry of their owner log
//   the longer  entries…                    what the other one lacks
//   device      ready | refused             as far as its own log and policy say
//   controller  command (signed)
//   device      accepted | outcome          then bytes each way, controls, and the outcome (signed)
//   both        end
//
// Input is bounded by credit, so that a signal is never stuck behind it: the controller sends no more than
// INPUT_WINDOW_BYTES that the device has not called taken.

import { z } from "zod";
import { capabilityAsked } from "./capabilities.ts";
import { CAPABILITY_WAITS } from "./capability-messages.ts";
import { ERROR_TABLE, MusterError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import { OWNER_LOG_MAX_ENTRIES } from "./limits.ts";
import { ownerLogEntry } from "./owner-log.ts";
import { TASK_STATUSES } from "./task-statuses.ts";
import { TASK_REQUESTS, taskDescription, taskTitle } from "./tasks.ts";

export const CHANNEL = { input: 0, output: 1, errors: 2 } as const;
export const INPUT_WINDOW_BYTES = 256 * 1024;

const digest = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const code = z.enum(Object.keys(ERROR_TABLE) as [ErrorCode, ...ErrorCode[]]); // its keys are the codes
export const errorBody = z.object({
  code,
  message: z.string().max(2000),
  hint: z.string().max(2000).optional(),
});

/** As it was on the other side. */
export function errorOf({ code, message, hint }: z.infer<typeof errorBody>): MusterError {
  return new MusterError(code, message, hint === undefined ? {} : { hint });
}

export const levelMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("head"),
    log: digest,
    number: z
      .number()
      .int()
      .min(0)
      .max(OWNER_LOG_MAX_ENTRIES - 1),
    hash: digest,
  }),
  z.object({ type: z.literal("entries"), entries: z.array(ownerLogEntry).max(64), more: z.boolean() }),
]);
export type LevelMessage = z.infer<typeof levelMessage>;

/** By either side, and then it ends. */
export const refusedMessage = z.object({ type: z.literal("refused"), error: errorBody });

export const deviceMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  refusedMessage,
  /** It is durably taken and starts. `facts` as its kind tells. */
  z.object({
    type: z.literal("accepted"),
    command_id: z.string().max(64),
    facts: z.record(z.string(), z.unknown()),
  }),
  z.object({
    type: z.literal("input_taken"),
    bytes: z.number().int().min(1).max(INPUT_WINDOW_BYTES),
  }),
  z.object({
    type: z.literal("outcome"),
    command_id: z.string().max(64),
    outcome: z.string(),
    signature: z.string(),
  }),
]);
export type DeviceMessage = z.infer<typeof deviceMessage>;

const SIGNALS = ["INT", "TERM", "KILL", "HUP"] as const;
const side = z.number().int().min(1).max(1000);

export const controllerMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("input_end") }),
  z.object({ type: z.literal("signal"), name: z.enum(SIGNALS) }),
  z.object({ type: z.literal("resize"), cols: side, rows: side }),
]);
export type ControllerMessage = z.infer<typeof controllerMessage>;

/** The system ends each at a NUL, so one with a NUL inside would be another there. */
const word = z.string().regex(/^[^\0]*$/);
const environment = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
      .max(200),
    word.max(32_768),
  )
  .refine((variables) => Object.keys(variables).length <= 200);

/** A command is one message of its session. */
export const CAPABILITY_PAYLOAD_MAX_CHARACTERS = 256_000;

/** What each kind of command asks for. */
export const COMMAND_REQUESTS = {
  exec: z.strictObject({
    /** A program with its arguments, or a script for /bin/sh. */
    argv: z.array(word.max(131_072)).min(1).max(4096).optional(),
    script: word.min(1).max(512_000).optional(),
    /** The home of the agent's user where it is absent; a relative one stands under it. */
    cwd: word.max(4096).optional(),
    environment: environment.optional(),
    timeout_ms: z
      .number()
      .int()
      .min(1)
      .max(30 * 86_400_000)
      .optional(),
    /** Whether there is input at all; without, it reads nothing. */
    stdin: z.boolean(),
    /** Nobody waits: the outcome is that it was taken. */
    detach: z.literal(true).optional(),
    title: taskTitle.optional(),
    description: taskDescription.optional(),
  }),
  shell: z.strictObject({
    cols: side,
    rows: side,
    /** One that was left, to be taken up again. */
    session: z
      .string()
      .regex(/^[a-z2-7]{10}$/)
      .optional(),
    term: z
      .string()
      .regex(/^[A-Za-z0-9._+-]{1,40}$/)
      .optional(),
  }),
  forward: z.strictObject({
    /** Name of a service, or a port that the device has registered. */
    service: z.union([z.string().min(1).max(64), z.number().int().min(1).max(65_535)]),
  }),
  capability: z.strictObject({
    ...capabilityAsked.shape,
    /** JSON text. */
    payload: z.string().max(CAPABILITY_PAYLOAD_MAX_CHARACTERS),
    timeout_ms: z.number().int().min(1).max(CAPABILITY_WAITS.allMs).optional(),
  }),
  "task.list": TASK_REQUESTS.list,
  "task.search": TASK_REQUESTS.search,
  "task.stats": TASK_REQUESTS.stats,
  "task.show": TASK_REQUESTS.show,
  "task.logs": TASK_REQUESTS.logs,
  "task.cancel": TASK_REQUESTS.cancel,
  "task.remove": TASK_REQUESTS.remove,
} as const;

export type SealedKind = keyof typeof COMMAND_REQUESTS;
export type SealedRequest<Kind extends SealedKind> = z.infer<(typeof COMMAND_REQUESTS)[Kind]>;

/** What is said of a task when it is taken; how it ended is its view. */
export const execFacts = z.object({
  task: z.string(),
  status: z.enum(TASK_STATUSES),
  /** As many run as may: it waits. */
  held_back: z.boolean(),
});

/** What is said of a shell when it opens, and when one leaves it or it ends. */
export const shellFacts = z.object({
  session: z.string(),
  /** Of output, the first bytes that come: it was shown before, and what it asks was answered then. */
  past: z.number().int().min(0).optional(),
});
export const shellResult = z.object({
  left: z.boolean(),
  exit_code: z.number().nullish(),
  signal: z.string().nullish(),
  reason: z.string().optional(),
});

/** What a capability says on the output channel: JSON lines, the last with the payload. */
export const capabilityLine = z.union([
  z.strictObject({ part: z.unknown() }),
  z.strictObject({ payload: z.unknown() }),
]);

/** And of a forward, as the CLI hears it. */
export const forwardFacts = z.object({
  name: z.string(),
  port: z.number(),
  service_type: z.string(),
  /** On the machine of who asked. */
  local_port: z.number(),
});

export const sealedOutcome = z.object({
  result: z.record(z.string(), z.unknown()).optional(),
  error: errorBody.optional(),
});
export type SealedOutcome = z.infer<typeof sealedOutcome>;
