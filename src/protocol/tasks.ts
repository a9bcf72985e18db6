// Tasks as they are shown and asked for. A task lives on the device that runs it; these are the words in which its
// owner, other parts of the program and other programs hear of it. Times are ISO 8601 in UTC.

import { z } from "zod";
import { TASK_CURSOR } from "./task-cursor.ts";
import { TASK_STATUSES } from "./task-statuses.ts";

const instant = z.iso.datetime();
const status = z.enum(TASK_STATUSES);

/** How a list has it: nothing of what it wrote, nothing of its environment. */
const taskSummary = z.object({
  id: z.string(),
  /** Name of the device that it lives on. */
  device: z.string(),
  device_id: z.string(),
  title: z.string(),
  status,
  exit_code: z.number().int().nullable(),
  /** Why it did not simply end: `cancelled`, `timeout`, `interrupted`, … */
  reason: z.string().nullable(),
  created_at: instant,
  updated_at: instant,
  started_at: instant.nullable(),
  ended_at: instant.nullable(),
  /** It waits at its sender for a device that is away. */
  queued: z.boolean().optional(),
  /** Of a search: from 0 to 1. */
  rank: z.number().optional(),
});
export type TaskSummary = z.infer<typeof taskSummary>;

export const taskView = taskSummary.extend({
  description: z.string().nullable(),
  command: z.array(z.string()).nullable(),
  /** What it was given besides: folder, names of variables, time limit. */
  input: z.record(z.string(), z.unknown()),
  output: z.unknown(),
  /** Which signal ended it, as in `SIGKILL`. */
  signal: z.string().nullable(),
  /** The end of what it wrote, both outputs together. */
  logs: z.string(),
  logs_truncated: z.boolean(),
  /** Bytes that it wrote. */
  logs_bytes: z.number(),
});
export type TaskView = z.infer<typeof taskView>;

/** The end of what it wrote stands in its outcome, as text. */
export const TASK_LOGS_SHOWN_BYTES = 64 * 1024;
export const TASK_LOG_PAGE_MAX_BYTES = 256 * 1024;
export const TASK_PAGE_MAX = 200;
export const TASK_PAGE_USUAL = 50;

/** An id, or at least six characters of its beginning or end. */
export const taskReference = z.string().regex(/^[0-9a-f-]{6,36}$/);
export const taskTitle = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u);
export const taskDescription = z
  .string()
  .max(4000)
  .regex(/^[^\0]*$/);
const cursor = z.string().regex(TASK_CURSOR).nullish();
const limit = z.number().int().min(1).max(TASK_PAGE_MAX).default(TASK_PAGE_USUAL);
const words = z.string().min(1).max(200);

/** What may be asked of a device's tasks, and done to one. */
export const TASK_REQUESTS = {
  list: z.object({ status: status.optional(), limit, cursor }),
  search: z.object({ q: words, status: status.optional(), limit }),
  stats: z.object({}),
  show: z.object({ task: taskReference }),
  logs: z.object({
    task: taskReference,
    /** Position of the first byte; what is gone already is passed over. */
    from: z.number().int().min(0).default(0),
    limit: z.number().int().min(1).max(TASK_LOG_PAGE_MAX_BYTES).default(TASK_LOG_PAGE_MAX_BYTES),
    /** Where there is nothing yet it is answered when there is, or some seconds later. */
    wait: z.boolean().default(false),
  }),
  cancel: z.object({ task: taskReference }),
  remove: z.object({ task: taskReference }),
} as const;
export type TaskAct = keyof typeof TASK_REQUESTS;
export type TaskRequest<Act extends TaskAct> = z.infer<(typeof TASK_REQUESTS)[Act]>;

const taskPage = z.object({ items: z.array(taskSummary), cursor: z.string().nullable() });

const taskStats = z.object({
  pending: z.number(),
  running: z.number(),
  completed: z.number(),
  failed: z.number(),
  cancelled: z.number(),
});
export type TaskStats = z.infer<typeof taskStats>;

const taskLogPage = z.object({
  /** In the order in which they were written. */
  pieces: z.array(z.object({ from: z.enum(["stdout", "stderr"]), bytes: z.base64url() })),
  /** Position behind the last of them: where the next page begins. */
  next: z.number(),
  /** Positions of the first byte that is still there, and behind the last. */
  start: z.number(),
  end: z.number(),
  /** Nothing more is going to be written. */
  ended: z.boolean(),
});

export const TASK_ANSWERS = {
  list: taskPage,
  search: taskPage,
  stats: z.object({ stats: taskStats }),
  show: z.object({ task: taskView }),
  logs: taskLogPage,
  cancel: z.object({ task: taskView }),
  remove: z.object({ id: z.string(), device: z.string() }),
} as const;
export type TaskAnswer<Act extends TaskAct> = z.infer<(typeof TASK_ANSWERS)[Act]>;
