// `muster query`: one question to the whole fleet, its answers as one list, and by name who did not answer.

import { MusterError } from "../../protocol/errors.ts";
import type { FleetAnswer } from "../../protocol/query-gather.ts";
import { QUERY_WAIT_MS, type QueryType } from "../../protocol/query-messages.ts";
import { parseDuration } from "../durations.ts";
import { answerFleet, type AnswerFlags, type AnswerForm } from "../fleet-answer.ts";
import { emptyOf, isComplete, queryNamed } from "../fleet-queries.ts";
import type { Invocation } from "../invocation.ts";
import { plainLine } from "../plain-text.ts";

export interface QueryFlags extends AnswerFlags {
  params: string;
  device?: string[] | undefined;
  timeout?: string | undefined;
}

const TIMEOUT = { name: "--timeout", min: "1s", max: "60s" } as const;

export function query(invocation: Invocation, name: string, flags: QueryFlags): Promise<number> {
  const named = queryNamed(name);
  const request = {
    ...named,
    params: paramsOf(flags.params, named.type),
    ...(flags.device === undefined ? {} : { devices: flags.device }),
    timeout_ms: flags.timeout === undefined ? QUERY_WAIT_MS : parseDuration(flags.timeout, TIMEOUT),
  };
  return answerFleet(invocation, { call: "query", request }, { flags, form: formOf(request) });
}

function formOf({ type, params }: { type: QueryType; params: string }): AnswerForm {
  return {
    empty: (answer) => (isNobody(answer) ? NOBODY[type] : emptyOf(answer, "Nothing was found.")),
    more: ({ cursor }) =>
      typeof cursor === "string" ? `There are more: --params '${behind(params, cursor)}'` : undefined,
  };
}

function behind(params: string, cursor: string): string {
  const asked = JSON.parse(params) as object; // it was read as one
  return plainLine(JSON.stringify({ ...asked, cursor }));
}

/** Nobody was asked, since nobody could answer. */
function isNobody(answer: FleetAnswer): boolean {
  return answer.answered.length === 0 && isComplete(answer);
}

const TASKS = "No device can answer: none offers `tasks`.";
const NOBODY: Readonly<Record<QueryType, string>> = {
  ListTasks: TASKS,
  SearchTasks: TASKS,
  GetTaskStats: TASKS,
  SearchKnowledgebase:
    "No device has a knowledgebase: `folders` under `[knowledgebase]` in its muster.toml makes one.",
  Custom: "No device can answer.",
};

function paramsOf(text: string, type: QueryType): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    if (
      type.startsWith("Search") &&
      !("q" in value && typeof value.q === "string" && value.q.trim() !== "")
    ) {
      throw new MusterError("usage", `${type} needs words to search for`, {
        hint: `--params '{"q":"backup"}'`,
      });
    }
    return JSON.stringify(value);
  }
  throw new MusterError("usage", "the params are no JSON object", {
    hint: `put them in single quotes: --params '{"q":"backup"}'`,
  });
}
