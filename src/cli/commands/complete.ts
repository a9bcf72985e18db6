// What the completion scripts ask: candidates for the last of the words, a line each as "value<TAB>description",
// or `:files` where the shell completes paths itself. It never fails and never keeps a person waiting.

import { candidatesFor, type Candidate } from "../completion-candidates.ts";
import type { Invocation } from "../invocation.ts";
import { findAgent } from "../local-api.ts";
import { plainLine } from "../plain-text.ts";
import { makeProgram } from "../program.ts";
import { pause } from "../wait.ts";

const PATIENCE_MS = 1_000;
const TASKS_OFFERED = 20;

type OwnName = "share" | "app" | "device" | "task" | "service";

export async function complete(invocation: Invocation, words: readonly string[]): Promise<void> {
  const program = makeProgram(invocation.surroundings, () => undefined);
  const found = candidatesFor(program, words);
  if (found === "files") return invocation.out.line(":files");
  const candidates = Array.isArray(found) ? found : await ownNames(invocation, found);
  const typed = words.at(-1) ?? "";
  for (const { value, description } of candidates) {
    if (value.startsWith(typed)) invocation.out.line(`${plainLine(value)}\t${plainLine(description)}`);
  }
}

async function ownNames(invocation: Invocation, which: OwnName): Promise<Candidate[]> {
  try {
    return await Promise.race([namesNow(invocation, which), pause(invocation, PATIENCE_MS).then(() => [])]);
  } catch {
    return []; // a key press is no place for an error
  }
}

async function namesNow(invocation: Invocation, which: OwnName): Promise<Candidate[]> {
  const search = await findAgent(invocation);
  if (search.state !== "running") return [];
  if (which === "task") {
    const { items } = await search.agent.call("task_list", { limit: TASKS_OFFERED });
    return items.map(({ id, title, status }) => ({ value: id, description: `${status}, ${title}` }));
  }
  const { shares, fleet } = await search.agent.call("status", {});
  if (which === "service") {
    return (fleet?.devices ?? []).flatMap(({ name, services = [] }) =>
      services.map((service) => ({
        value: `${name}/${service.name}`,
        description: `${service.service_type}, ${service.state}`,
      })),
    );
  }
  if (which === "device") {
    const living = (fleet?.devices ?? []).filter(({ status }) => status !== "revoked");
    return living.map(({ name, kind, status }) => ({ value: name, description: `${kind}, ${status}` }));
  }
  return shares
    .filter((share) => which === "share" || share.kind === "app")
    .map((share) => ({ value: share.name, description: `${share.kind}, ${share.state}` }));
}
