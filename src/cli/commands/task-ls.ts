// `muster task ls`, `search` and `stats`: tasks of all devices that can be asked, and which could not.

import type { LocalRequest } from "../../protocol/local-api.ts";
import type { TaskStatus } from "../../protocol/task-statuses.ts";
import { answerFleet, type AnswerFlags, type AnswerForm } from "../fleet-answer.ts";
import { emptyOf, isComplete } from "../fleet-queries.ts";
import type { Invocation } from "../invocation.ts";
import { plainLine } from "../plain-text.ts";

interface FleetFlags extends AnswerFlags {
  device?: string | undefined;
}

interface ListFlags extends FleetFlags {
  status?: TaskStatus | undefined;
  limit?: number | undefined;
}

const USUAL_LIMIT = 50;

export function taskLs(
  invocation: Invocation,
  flags: ListFlags & { cursor?: string | undefined },
): Promise<number> {
  const { status, limit = USUAL_LIMIT, cursor } = flags;
  const asked = [
    ...(flags.device === undefined ? [] : ["--device", flags.device]),
    ...(status === undefined ? [] : ["--status", status]),
    ...(flags.limit === undefined ? [] : ["--limit", String(limit)]),
  ];
  return answerTasks(invocation, flags, {
    type: "ListTasks",
    params: { limit, ...given({ status, cursor }) },
    form: {
      json: ({ items, cursor: next = null, ...told }) => ({ items, cursor: next, ...told }),
      empty: (answer) =>
        isComplete(answer)
          ? "There are no tasks."
          : emptyOf(answer, "No task is known of the devices that answered."),
      more: ({ cursor: next }) =>
        typeof next === "string"
          ? `There are more: muster task ls ${[...asked, "--cursor", next].map(plainLine).join(" ")}`
          : undefined,
    },
  });
}

export function taskSearch(invocation: Invocation, words: string, flags: ListFlags): Promise<number> {
  const { status, limit = USUAL_LIMIT } = flags;
  return answerTasks(invocation, flags, {
    type: "SearchTasks",
    params: { q: words, limit, ...given({ status }) },
    form: {
      json: ({ items, ...told }) => ({ items, cursor: null, ...told }),
      empty: (answer) =>
        isComplete(answer)
          ? "No task has all of these words."
          : emptyOf(answer, "No task of the devices that answered has all of these words."),
    },
  });
}

export function taskStats(invocation: Invocation, flags: FleetFlags): Promise<number> {
  return answerTasks(invocation, flags, {
    type: "GetTaskStats",
    params: {},
    form: {
      json: ({ items, total = {}, ...told }) => ({ stats: total, items, ...told }),
      empty: () => "No device answered.",
    },
  });
}

function answerTasks(
  invocation: Invocation,
  flags: FleetFlags,
  { form, ...asked }: Pick<LocalRequest<"task_query">, "type" | "params"> & { form: AnswerForm },
): Promise<number> {
  const request = { ...asked, ...given({ device: flags.device }) };
  return answerFleet(invocation, { call: "task_query", request }, { flags, form });
}

/** Without what was left open. */
function given<Fields extends Readonly<Record<string, string | undefined>>>(
  fields: Fields,
): { [Name in keyof Fields]?: string } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [Name in keyof Fields]?: string }; // only fields were left out
}
