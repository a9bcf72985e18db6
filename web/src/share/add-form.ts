// What a person typed into "Add a share", turned into the request, or into what is wrong with it, field by field.
import type { AddShare } from "../../../src/protocol/local-api.ts";
import { hostNameProblem, nameFromFolder } from "../../../src/protocol/names.ts";
import type { ShareAccess } from "../../../src/protocol/views.ts";

export interface AddForm {
  target: string;
  name: string;
  access: ShareAccess;
  expiry: ExpiryChoice;
}

export type AddProblems = Partial<Record<"target" | "name", string>>;

const HOUR_MS = 3_600_000;

export const EXPIRY = {
  never: { label: "Never", ms: null },
  hour: { label: "1 hour", ms: HOUR_MS },
  workday: { label: "8 hours", ms: 8 * HOUR_MS },
  day: { label: "1 day", ms: 24 * HOUR_MS },
  week: { label: "7 days", ms: 7 * 24 * HOUR_MS },
} as const;
export type ExpiryChoice = keyof typeof EXPIRY;

export const EMPTY_FORM: AddForm = { target: "", name: "", access: "password", expiry: "never" };

export function readAddForm(form: AddForm): { request: AddShare } | { problems: AddProblems } {
  const target = readTarget(form.target);
  const name = form.name.trim();
  const nameProblem = name === "" ? undefined : hostNameProblem(name);
  if ("problem" in target || nameProblem !== undefined) {
    return {
      problems: {
        ...("problem" in target ? { target: target.problem } : {}),
        ...(nameProblem === undefined ? {} : { name: `The name ${nameProblem}.` }),
      },
    };
  }
  const { ms } = EXPIRY[form.expiry];
  return {
    request: {
      ...target,
      access: form.access,
      ...(name === "" ? {} : { name }),
      ...(ms === null ? {} : { expires_in_ms: ms }),
    },
  };
}

/** Digits are a port, anything else a path; an agent has no folder of its own, so paths are whole ones. */
export function readTarget(text: string): { port: number } | { path: string } | { problem: string } {
  const typed = text.trim();
  if (typed === "") return { problem: "Type a port, such as 3000, or a path, such as /home/me/site." };
  if (/^\d+$/.test(typed)) {
    const port = Number(typed);
    return port >= 1 && port <= 65_535 ? { port } : { problem: "A port is a number from 1 to 65535." };
  }
  if (typed.startsWith("/") || /^[A-Za-z]:[\\/]/.test(typed)) return { path: typed };
  return { problem: "Write the whole path, from / on: the machine does not know which folder you mean." };
}

/** The name that the machine will pick when none is typed; "" while that can't be told. */
export function nameHint(target: string): string {
  const read = readTarget(target);
  if ("problem" in read) return "";
  if ("port" in read) return `app-${read.port}`;
  return nameFromFolder(read.path.split(/[\\/]/).findLast((part) => part !== "") ?? "") ?? "";
}
