// What the completion scripts ask: candidates for the last of the words, a line each as "value<TAB>description",
// or `:files` where the shell completes paths itself. It never fails and never keeps a person waiting.

import { candidatesFor, type Candidate, type Completion } from "../completion-candidates.ts";
import type { Invocation } from "../invocation.ts";
import { queryTasks } from "../fleet-queries.ts";
import { findAgent } from "../local-api.ts";
import { plainLine } from "../plain-text.ts";
import type { DeviceView } from "../../protocol/views.ts";
import { QUERY_TYPES } from "../../protocol/query-messages.ts";
import { makeProgram } from "../program.ts";
import { pause } from "../wait.ts";

const PATIENCE_MS = 1_000;
const TASKS_OFFERED = 20;

type OwnName = Exclude<Completion, Candidate[] | "files">;

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
  if (search.state !== "running") return which === "query" ? offered([], which) : [];
  if (which === "task") {
    const params = { limit: TASKS_OFFERED };
    const { items } = await queryTasks(invocation, { type: "ListTasks", params });
    return items.map(({ id, title, status }) => {
      return { value: String(id), description: `${String(status)}, ${String(title)}` };
    });
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
  if (which === "query" || which === "protocol") return offered(fleet?.devices ?? [], which);
  if (which === "device") {
    const living = (fleet?.devices ?? []).filter(({ status }) => status !== "revoked");
    return living.map(({ name, kind, status }) => ({ value: name, description: `${kind}, ${status}` }));
  }
  return shares
    .filter((share) => which === "share" || share.kind === "app")
    .map((share) => ({ value: share.name, description: `${share.kind}, ${share.state}` }));
}

/** What some device offers, each with those that do. */
function offered(devices: readonly DeviceView[], which: "query" | "protocol"): Candidate[] {
  const byName = new Map<string, string[]>();
  for (const { name, status, queries = [], capabilities = [] } of devices) {
    if (status === "revoked") continue;
    const words = which === "query" ? queries : capabilities.map(({ protocol }) => protocol);
    for (const word of words) byName.set(word, [...(byName.get(word) ?? []), name]);
  }
  const known = which === "query" ? QUERY_TYPES.filter((type) => type !== "Custom") : [];
  return [
    ...known.map((value) => ({ value, description: "" })),
    ...[...byName]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([value, names]) => {
        return { value, description: names.join(", ") };
      }),
  ];
}
