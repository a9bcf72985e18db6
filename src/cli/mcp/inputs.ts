// What several tools take, in words that a model reads.

import { z } from "zod";
import { taskReference } from "../../protocol/tasks.ts";

export const deviceInput = z
  .string()
  .min(1)
  .max(200)
  .describe("Name or id of a device, as list_devices has it.");

export const someDevices = z
  .array(deviceInput)
  .min(1)
  .max(256)
  .optional()
  .describe("Only these devices; all of them when absent.");

export const taskInput = taskReference.describe(
  "Id of a task, or at least six characters of its beginning or end.",
);

export function seconds({ max, usual }: { max: number; usual: number }) {
  return z.number().int().min(1).max(max).default(usual);
}
