// `muster key`, `muster grant` and `muster revoke`: who may use what devices offer without being one of them.

import { capabilityProtocol } from "../../protocol/capabilities.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import { GRANT_SCOPES, grantName, type GrantScope } from "../../protocol/owner-log.ts";
import { shellArgument } from "../../protocol/shell-word.ts";
import { parseDuration, until } from "../durations.ts";
import { demandGrantable } from "../grantable.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import { askAgentOrHub, joinedHub } from "../overview.ts";
import { plainValue, stripControl } from "../plain-text.ts";
import type { KeyCalls } from "../hub-session.ts";
import { tableLines, type Cell } from "../table.ts";

type KeyView = LocalResponse<"keys">["items"][number];

const EXPIRES = { name: "--expires", min: "1h", max: "366d" } as const;

function askKeys<Answer>(invocation: Invocation, ask: (keys: KeyCalls) => Promise<Answer>): Promise<Answer> {
  return askAgentOrHub(invocation, {
    agent: (agent) =>
      ask({
        keys: (request) => agent.call("keys", request),
        key_create: (request) => agent.call("key_create", request),
        key_revoke: (request) => agent.call("key_revoke", request),
      }),
    hub: async (session) => ask(await session.keys()),
  });
}

export async function keyCreate(
  invocation: Invocation,
  name: string,
  flags: { scope?: string[] | undefined; expires?: string | undefined },
): Promise<void> {
  if (!grantName.safeParse(name).success) {
    throw new MusterError("usage", "a key's name has 1 to 64 characters, on one line");
  }
  const request = { name, ...scopesOf(flags.scope ?? ["models"]), ...expiresOf(flags.expires) };
  await demandGrantable(invocation, request.capabilities ?? []);
  const { key, token } = await askKeys(invocation, (keys) => keys.key_create(request));
  if (invocation.json) return printJson(invocation, { ...key, token });
  invocation.out.line(token);
  const words = `Shown once. ${wordsOf(plainValue(key))} Take it back: \`muster revoke ${shellArgument(name)}\``;
  invocation.out.prose(invocation.out.style("dim", words));
  const hub = await joinedHub(invocation);
  if (hub === undefined || !serves(key)) return;
  const base = `Clients in the OpenAI format: base URL ${hub.hub_url.replace(/\/+$/, "")}/v1`;
  invocation.out.line(invocation.out.style("dim", base));
}

/** Below `/v1` it is good for something. */
function serves({ scopes, capabilities }: KeyView): boolean {
  if (scopes.includes("models")) return true;
  if (!scopes.includes("capabilities")) return false;
  return capabilities === null || capabilities.some((one) => one === "llm.chat" || one === "embeddings");
}

export async function keyList(invocation: Invocation): Promise<void> {
  const shown = await askKeys(invocation, (keys) => keys.keys({}));
  if (invocation.json) return printJson(invocation, shown);
  const { out, surroundings } = invocation;
  const { items } = plainValue(shown);
  if (items.length === 0) return out.line("There are no keys. Make one: muster key create NAME");
  const now = surroundings.clock.now();
  const heads = ["NAME", "FOR", "MAY USE", "ON", "ENDS", "ID"].map((text): Cell => ({ text, style: "dim" }));
  const rows = items.map((one): Cell[] => [
    { text: one.name },
    { text: one.holder },
    { text: usesOf(one) },
    { text: one.devices?.join(", ") ?? "all devices" },
    { text: one.expires_at === null ? "" : until(one.expires_at, now) },
    { text: one.id, short: one.id.slice(0, 7) },
  ]);
  for (const line of tableLines(out, [heads, ...rows], { shorten: [5] })) out.line(line);
}

export async function keyRevoke(invocation: Invocation, reference: string): Promise<void> {
  const { key } = await askKeys(invocation, (keys) => keys.key_revoke({ key: reference }));
  if (invocation.json) return printJson(invocation, key);
  const { name } = plainValue(key);
  const whom = key.holder === "owner" ? "them" : "it";
  invocation.out.line(
    key.holder === "program"
      ? `${name} is taken back, for good.`
      : `${name} may use nothing here any more. Let ${whom} in again: muster grant`,
  );
}

export async function grant(
  invocation: Invocation,
  device: string,
  flags: { capability: string[]; to: string; as?: string | undefined; expires?: string | undefined },
): Promise<void> {
  if (flags.as !== undefined && !grantName.safeParse(flags.as).success) {
    throw new MusterError("usage", "an owner's name has 1 to 64 characters, on one line");
  }
  const capabilities = flags.capability.flatMap((text) => protocolsIn(text));
  const agent = await requireAgent(invocation);
  await demandGrantable(invocation, capabilities);
  const { key } = await agent.call("grant", {
    device,
    to: flags.to,
    ...(flags.as === undefined ? {} : { name: flags.as }),
    capabilities,
    ...expiresOf(flags.expires),
  });
  if (invocation.json) return printJson(invocation, key);
  const shown = plainValue(key);
  const whom = shown.holder === "owner" ? `${shown.name} (owner ${shown.id})` : shown.name;
  invocation.out.prose(`${whom}: ${wordsOf(shown)}`);
}

/** `capabilities:a,b` names some of them. */
function scopesOf(texts: readonly string[]): { scopes: GrantScope[]; capabilities?: string[] } {
  const scopes = new Set<GrantScope>();
  const capabilities: string[] = [];
  for (const text of texts.flatMap((one) => (one.includes(":") ? [one] : one.split(",")))) {
    const [word = "", named] = text.split(":");
    const scope = GRANT_SCOPES.find((one) => one === word);
    if (scope === undefined || (named !== undefined && scope !== "capabilities")) {
      throw new MusterError("usage", `"${stripControl(text)}" is no scope`, {
        hint: `one of ${GRANT_SCOPES.join(", ")}; capabilities:llm.chat,embeddings names some`,
      });
    }
    scopes.add(scope);
    if (named !== undefined) capabilities.push(...protocolsIn(named));
  }
  return { scopes: [...scopes], ...(capabilities.length === 0 ? {} : { capabilities }) };
}

function protocolsIn(text: string): string[] {
  return text.split(",").map((protocol) => {
    if (capabilityProtocol.safeParse(protocol).success) return protocol;
    throw new MusterError("usage", `"${stripControl(protocol)}" names no capability`, {
      hint: "as in llm.chat or embeddings",
    });
  });
}

function expiresOf(text: string | undefined): { expires_in_ms?: number } {
  return text === undefined ? {} : { expires_in_ms: parseDuration(text, EXPIRES) };
}

function usesOf({ scopes, capabilities }: KeyView): string {
  return scopes
    .map((scope) => (scope === "capabilities" && capabilities !== null ? capabilities.join(", ") : scope))
    .join(", ");
}

function wordsOf(key: KeyView): string {
  const where = key.devices === null ? "" : ` on ${key.devices.join(", ")}`;
  const end = key.expires_at === null ? "" : ` until ${key.expires_at}`;
  const who = key.holder === "owner" ? "Each of their devices" : "It";
  return `${who} may use ${usesOf(key)}${where}${end}.`;
}
