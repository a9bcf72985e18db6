// How the fleet's answer to one question is shown, for every command that asks one. On a terminal the merged list grows
// in place as devices answer, and stays at the end, whole; on a pipe it is printed once it is; `--json` prints one
// object, and `--stream` each event as a line of JSON. Who did not answer is named each time.

import type { Merged } from "../protocol/query-merge.ts";
import { queryEvents } from "../protocol/query-events.ts";
import type { Completeness, FleetAnswer } from "../protocol/query-gather.ts";
import { FleetWait } from "./fleet-wait.ts";
import { askFleet, gatherFleet, isComplete, missingLines, type FleetQuestion } from "./fleet-queries.ts";
import { itemLines } from "./fleet-items.ts";
import { printJson, warn, type Invocation } from "./invocation.ts";
import { plainLine } from "./plain-text.ts";
import { startProgress } from "./progress.ts";
import { problemOf } from "./reply-lines.ts";

export interface AnswerFlags {
  stream?: true | undefined;
  /** Exits with 1 where somebody is missing. */
  strict?: true | undefined;
}

export interface AnswerForm {
  /** What `--json` prints. */
  json?(answer: FleetAnswer): object;
  /** Instead of a list of nothing. */
  empty(answer: FleetAnswer): string;
  /** A sentence below the list. */
  more?(merged: Merged): string | undefined;
}

export async function answerFleet(
  invocation: Invocation,
  question: FleetQuestion,
  { flags, form }: { flags: AnswerFlags; form: AnswerForm },
): Promise<number> {
  const told =
    flags.stream === true ? await streamed(invocation, question) : await shown(invocation, question, form);
  return flags.strict === true && !isComplete(told) ? 1 : 0;
}

function streamed(invocation: Invocation, question: FleetQuestion): Promise<Completeness> {
  return askFleet(invocation, question, async (replies) => {
    for await (const { event, data } of queryEvents(replies, question.request.type)) {
      if (event === "refused") throw problemOf(data);
      printJson(invocation, { event, ...data });
      if (event === "done") return data;
    }
    // Both ways end with who answered, or throw.
    throw problemOf({ code: "internal", message: "the answer has no end" });
  });
}

async function shown(
  invocation: Invocation,
  question: FleetQuestion,
  form: AnswerForm,
): Promise<FleetAnswer> {
  const { out, json } = invocation;
  const answer = await (out.interactive && !json ? live : waited)(invocation, question);
  if (json) printJson(invocation, form.json?.(answer) ?? answer);
  else {
    if (answer.items.length === 0) out.line(form.empty(answer));
    const more = form.more?.(answer);
    if (more !== undefined) out.line(more);
    tellWho(invocation, answer);
  }
  return answer;
}

/** The list as it grows; at its end all of it stands there. */
async function live(invocation: Invocation, question: FleetQuestion): Promise<FleetAnswer> {
  const { type } = question.request;
  const wait = new FleetWait(invocation, (merged) => itemLines(invocation, type, merged));
  try {
    return await askFleet(invocation, question, async (replies) => {
      const answer = await gatherFleet(replies, question, wait);
      wait.end(answer);
      return answer;
    });
  } finally {
    // Ctrl-C, or an error: what came until then stays.
    wait.stop();
  }
}

async function waited(invocation: Invocation, question: FleetQuestion): Promise<FleetAnswer> {
  // It takes seconds at most: who reads a log has to know nothing of that.
  const progress = invocation.err.interactive ? startProgress(invocation, "asking the fleet") : undefined;
  const missing = new Set<string>();
  let all = 0;
  try {
    const answer = await askFleet(invocation, question, (replies) =>
      gatherFleet(replies, question, {
        expected(names) {
          all = names.length;
          for (const name of names) missing.add(name);
        },
        heard(_, device, isFinal) {
          if (isFinal) missing.delete(device);
          progress?.phase(`asking the fleet: ${all - missing.size} of ${all} answered`);
        },
      }),
    );
    progress?.end();
    if (!invocation.json) {
      for (const line of itemLines(invocation, question.request.type, answer)) invocation.out.line(line);
    }
    return answer;
  } finally {
    progress?.end();
  }
}

/** For a person who answered, for everybody who did not, or not as well as it could. */
function tellWho(invocation: Invocation, answer: FleetAnswer): void {
  const { err, surroundings } = invocation;
  const { answered, notes = {} } = answer;
  if (err.interactive && answered.length > 0) {
    const names = answered.map(plainLine).join(", ");
    err.prose(err.style("dim", `answered: ${names}`));
  }
  if (err.interactive && answer.note !== undefined) err.prose(err.style("dim", plainLine(answer.note)));
  for (const [name, note] of Object.entries(notes))
    warn(invocation, `${plainLine(name)}: ${plainLine(note)}`);
  for (const line of missingLines(answer, surroundings.clock.now())) warn(invocation, line);
}
