// `muster query`: one question to the whole fleet, its answers as one list, and by name who did not answer.

import { MusterError } from "../../protocol/errors.ts";
import { QUERY_WAIT_MS } from "../../protocol/query-messages.ts";
import { parseDuration } from "../durations.ts";
import { isComplete, missingLines, queryFleet, queryNamed } from "../fleet-queries.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { plainLine, stripControl } from "../plain-text.ts";
import { startProgress } from "../progress.ts";

export interface QueryFlags {
  params: string;
  device?: string[] | undefined;
  timeout?: string | undefined;
  strict?: true | undefined;
}

const TIMEOUT = { name: "--timeout", min: "1s", max: "60s" } as const;

/** Exits with 1 for `--strict` and a device that is missing. */
export async function query(invocation: Invocation, type: string, flags: QueryFlags): Promise<number> {
  const request = {
    ...queryNamed(type),
    params: paramsOf(flags.params),
    ...(flags.device === undefined ? {} : { devices: flags.device }),
    timeout_ms: flags.timeout === undefined ? QUERY_WAIT_MS : parseDuration(flags.timeout, TIMEOUT),
  };
  const progress = startProgress(invocation, "asking the fleet");
  try {
    const envelope = await queryFleet(invocation, request, (answered, expected) => {
      // A line each time would tell a log nothing.
      if (invocation.err.interactive) progress.phase(`asking the fleet: ${answered} of ${expected} answered`);
    });
    progress.end();
    if (invocation.json) printJson(invocation, envelope);
    else {
      for (const item of envelope.items) invocation.out.line(stripControl(JSON.stringify(item)));
      if (envelope.total !== undefined) invocation.out.line(`total ${JSON.stringify(envelope.total)}`);
      if (envelope.items.length === 0) invocation.out.line("Nothing was found.");
      for (const line of missingLines(envelope)) warn(invocation, plainLine(line));
    }
    return flags.strict === true && !isComplete(envelope) ? 1 : 0;
  } finally {
    progress.end();
  }
}

function paramsOf(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return JSON.stringify(value);
  throw new MusterError("usage", "the params are no JSON object", {
    hint: `put them in single quotes: --params '{"q":"backup"}'`,
  });
}
