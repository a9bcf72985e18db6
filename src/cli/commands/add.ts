// `muster add PATH|PORT`: publishes a page or an app. What contradicts itself is refused before anything is
// sent, naming both sides.

import { printJson, warn, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import { plainValue } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { addRequest, type AddFlags } from "../add-request.ts";
import { curlForm } from "../curl-form.ts";
import { shortDuration } from "../durations.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";

export async function add(invocation: Invocation, target: string, flags: AddFlags): Promise<void> {
  const request = await addRequest(invocation, target, flags);
  const agent = await requireAgent(invocation);
  const progress = startProgress(invocation, "Publishing");
  const added = await agent.call("add", request).finally(progress.end);
  if (invocation.json) return printJson(invocation, addedJson(added));
  printAdded(invocation, plainValue(added));
  if (typeof flags.password === "string" && flags.password !== "-" && invocation.err.interactive) {
    warn(invocation, "that password is in your shell's history now");
  }
}

function addedJson({ share, password, warnings }: LocalResponse<"add">): object {
  const { id, name, kind, url, access } = share;
  const { state, expires_at, links, stable } = share;
  return {
    id,
    name,
    kind,
    url,
    access,
    ...(password === undefined ? {} : { password }),
    state,
    expires_at,
    links,
    stable,
    warnings,
  };
}

function printAdded(invocation: Invocation, { share, password, warnings }: LocalResponse<"add">): void {
  const { out, surroundings } = invocation;
  const left =
    share.expires_at === null ? undefined : Date.parse(share.expires_at) - surroundings.clock.now();
  const ends = left === undefined ? "" : `, for ${shortDuration(left + 500)}`;
  out.line(
    `Published ${out.style("bold", share.name)}, ${share.kind === "app" ? "an app" : "a page"}${who(share.access)}${ends}.`,
  );
  if (password !== undefined) out.line(`Password: ${out.style("bold", password)}  (shown once)`);
  for (const warning of warnings) warn(invocation, warning);
  const curl = curlForm(share.url);
  if (curl !== undefined) out.line(out.style("dim", `Where *.localhost is not known:\n  ${curl}`));
  out.line(out.style("bold", share.url));
}

function who(access: "password" | "public" | "login"): string {
  if (access === "public") return " for everyone";
  return access === "login" ? " for people with an account on the hub" : "";
}
