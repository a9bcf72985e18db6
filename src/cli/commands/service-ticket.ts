// `muster forward --ticket DEVICE/SERVICE`: for a program on a machine without Muster, an address at the hub and the
// ticket that opens it.

import { parseDuration } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { askAgentOrHub } from "../overview.ts";
import { plainValue } from "../plain-text.ts";
import { MusterError } from "../../protocol/errors.ts";
import { parseServiceTarget } from "../service-target.ts";

const EXPIRES = { name: "--expires", min: "1m", max: "30d" } as const;
const USUAL = "1h";

export async function serviceTicket(
  invocation: Invocation,
  target: string,
  flags: { port: number | undefined; expires: string | undefined },
): Promise<void> {
  if (flags.port !== undefined) throw new MusterError("usage", "--ticket opens no port on this machine");
  const { device, service } = parseServiceTarget(target);
  if (typeof service === "number") {
    throw new MusterError("usage", `"${target}" names a port, and a ticket is for a service`, {
      hint: "name it on the device under [services] in muster.toml",
    });
  }
  const request = { device, service, expires_in_ms: parseDuration(flags.expires ?? USUAL, EXPIRES) };
  const made = await askAgentOrHub(invocation, {
    agent: (agent) => agent.call("service_ticket", request),
    hub: (session) => session.serviceTicket(request),
  });
  if (invocation.json) return printJson(invocation, made);
  const { url, ticket, expires_at } = plainValue(made);
  const { out } = invocation;
  out.line(`curl -H 'Authorization: Bearer ${ticket}' ${url}`);
  out.prose(
    out.style(
      "dim",
      `Shown once, good until ${expires_at.slice(0, 16).replace("T", " ")} UTC for whoever has it. The hub reads what passes.`,
    ),
  );
}
