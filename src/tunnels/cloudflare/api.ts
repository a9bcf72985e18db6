// The few calls of Cloudflare's API that named links need, with what each can answer as a value. All else is
// thrown: `too_many` (nothing was asked), `provider_refused` (asked and refused), `provider_unreachable` (asked,
// and the outcome is not known).
//
// Shapes follow the API's public schema. https://developers.cloudflare.com/api

import { Secret } from "../../identity/secret.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Network, World } from "../../world/world.ts";
import { CallBudget } from "./call-budget.ts";
import { call, type CallSurroundings, type Request } from "./call.ts";
import { CODES, type Envelope, hasCode, isRecord, refusal } from "./envelope.ts";
import type { CloudflareSettings } from "./settings.ts";

export const API_BASE_URL = "https://api.cloudflare.com/client/v4";
const PAGE_SIZE = 100;
/** An account has at most 1,000 tunnels and a zone a few thousand records; more pages are no answer of theirs. */
const PAGES_MAX = 100;

export interface ProviderTunnel {
  id: string;
  name: string;
  /** Still carrying or holding connections, as far as the provider knows. */
  status: string;
}

export interface DnsRecord {
  id: string;
  type: string;
  name: string;
  content: string;
  comment: string | null;
}

export interface TunnelFilter {
  name?: string;
  id?: string;
  namePrefix?: string;
}

export interface RecordFilter {
  name?: string;
  comment?: string;
}

export interface CloudflareApi {
  readonly accountId: string;
  /** Milliseconds until calls may be made again; 0 when now. */
  waitMs(): number;
  createTunnel(tunnel: { name: string; secret: Secret<Uint8Array> }): Promise<ProviderTunnel | "name_taken">;
  /** Deleted ones are never among them. */
  listTunnels(filter: TunnelFilter): Promise<ProviderTunnel[]>;
  /** Undefined when it is not there or deleted. */
  getTunnel(tunnelId: string): Promise<ProviderTunnel | undefined>;
  setSecret(tunnelId: string, secret: Secret<Uint8Array>): Promise<"set" | "gone">;
  /** The secret that is in force now. */
  getSecret(tunnelId: string): Promise<Secret<Uint8Array> | "gone">;
  endConnections(tunnelId: string): Promise<"ended" | "gone">;
  deleteTunnel(tunnelId: string): Promise<"deleted" | "gone" | "connected">;
  createRecord(record: {
    name: string;
    tunnelId: string;
    comment: string;
  }): Promise<DnsRecord | "in_the_way">;
  listRecords(filter: RecordFilter): Promise<DnsRecord[]>;
  deleteRecord(recordId: string): Promise<"deleted" | "gone">;
}

export interface CloudflareApiOptions {
  settings: CloudflareSettings;
  world: { network: Pick<Network, "fetch">; clock: World["clock"]; timers: World["timers"] };
  /** For tests and for those who reach Cloudflare through a proxy of theirs. */
  baseUrl?: string;
}

/** Where a tunnel is reached at the provider. */
export function tunnelTarget(tunnelId: string): string {
  return `${tunnelId}.cfargotunnel.com`;
}

export function createCloudflareApi({
  settings,
  world,
  baseUrl = API_BASE_URL,
}: CloudflareApiOptions): CloudflareApi {
  const budget = new CallBudget(world.clock);
  const fetch: Network["fetch"] = (url, init) => world.network.fetch(url, init);
  const around: CallSurroundings = { fetch, timers: world.timers, budget, token: settings.token, baseUrl };
  const tunnels = `/accounts/${settings.accountId}/cfd_tunnel`;
  const records = `/zones/${settings.zoneId}/dns_records`;
  const tunnelPath = (tunnelId: string) => `${tunnels}/${safePart(tunnelId)}`;
  const ask = askOver(around);
  const list = listOver(around);

  return {
    accountId: settings.accountId,
    waitMs: () => budget.waitMs,
    createTunnel: ({ name, secret }) =>
      ask(
        {
          method: "POST",
          path: tunnels,
          body: { name, config_src: "local", tunnel_secret: base64(secret) },
          action: `create the tunnel ${name}`,
        },
        readTunnel,
        (envelope) =>
          envelope.status === 409 || hasCode(envelope, CODES.nameTaken) ? "name_taken" : undefined,
      ),
    listTunnels: ({ name, id, namePrefix }) =>
      list(
        {
          method: "GET",
          path: tunnels,
          query: {
            is_deleted: "false",
            ...(name === undefined ? {} : { name }),
            ...(id === undefined ? {} : { uuid: id }),
            ...(namePrefix === undefined ? {} : { include_prefix: namePrefix }),
          },
          action: "list tunnels",
        },
        readTunnel,
      ),
    getTunnel: async (tunnelId) => {
      const path = tunnelPath(tunnelId);
      const tunnel = await ask(
        { method: "GET", path, action: `look at the tunnel ${tunnelId}` },
        // A deleted tunnel is still answered for a while.
        (result) => readTunnel(result) ?? (isDeleted(result) ? ("gone" as const) : undefined),
        gone,
      );
      return tunnel === "gone" ? undefined : tunnel;
    },
    setSecret: (tunnelId, secret) =>
      ask(
        {
          method: "PATCH",
          path: tunnelPath(tunnelId),
          body: { tunnel_secret: base64(secret) },
          action: `set the secret of the tunnel ${tunnelId}`,
        },
        () => "set" as const,
        gone,
      ),
    getSecret: (tunnelId) =>
      ask(
        {
          method: "GET",
          path: `${tunnelPath(tunnelId)}/token`,
          action: `read the token of the tunnel ${tunnelId}`,
        },
        readTokenSecret,
        gone,
      ),
    endConnections: (tunnelId) =>
      ask(
        {
          method: "DELETE",
          path: `${tunnelPath(tunnelId)}/connections`,
          action: `end the connections of the tunnel ${tunnelId}`,
        },
        () => "ended" as const,
        gone,
      ),
    deleteTunnel: (tunnelId) =>
      ask(
        { method: "DELETE", path: tunnelPath(tunnelId), action: `delete the tunnel ${tunnelId}` },
        () => "deleted" as const,
        (envelope) => (hasCode(envelope, CODES.activeConnections) ? ("connected" as const) : gone(envelope)),
      ),
    createRecord: ({ name, tunnelId, comment }) =>
      ask(
        {
          method: "POST",
          path: records,
          body: { type: "CNAME", name, content: tunnelTarget(tunnelId), proxied: true, ttl: 1, comment },
          action: `create the DNS record ${name}`,
        },
        readRecord,
        (envelope) => (hasCode(envelope, ...CODES.recordInTheWay) ? ("in_the_way" as const) : undefined),
      ),
    listRecords: ({ name, comment }) =>
      list(
        {
          method: "GET",
          path: records,
          query: {
            ...(name === undefined ? {} : { name }),
            ...(comment === undefined ? {} : { "comment.exact": comment }),
          },
          action: "list DNS records",
        },
        readRecord,
      ),
    deleteRecord: (recordId) =>
      ask(
        {
          method: "DELETE",
          path: `${records}/${safePart(recordId)}`,
          action: `delete the DNS record ${recordId}`,
        },
        () => "deleted" as const,
        (envelope) => (hasCode(envelope, CODES.recordNotFound) ? ("gone" as const) : gone(envelope)),
      ),
  };
}

/** Gives the result of a call that worked; of a refusal what `expected` makes of it, or throws it. */
function askOver(around: CallSurroundings) {
  return async function ask<Value, Refused>(
    request: Request,
    read: (result: unknown) => Value | undefined,
    expected: (envelope: Envelope) => Refused | undefined,
  ): Promise<Value | Refused> {
    const envelope = await call(around, request);
    if (!envelope.success) {
      const outcome = expected(envelope);
      if (outcome === undefined) throw refusal(envelope, request.action);
      return outcome;
    }
    const value = read(envelope.result);
    if (value === undefined) throw oddAnswer(request);
    return value;
  };
}

/** Reads a list to its last page. */
function listOver(around: CallSurroundings) {
  return async function list<Item>(
    request: Request,
    read: (item: unknown) => Item | undefined,
  ): Promise<Item[]> {
    const items: Item[] = [];
    let seen = 0;
    for (let page = 1; page <= PAGES_MAX; page++) {
      const query = { ...request.query, page: String(page), per_page: String(PAGE_SIZE) };
      const envelope = await call(around, { ...request, query });
      if (!envelope.success) throw refusal(envelope, request.action);
      if (!Array.isArray(envelope.result)) throw oddAnswer(request);
      for (const entry of envelope.result) {
        const item = read(entry);
        if (item !== undefined) items.push(item);
      }
      const { length } = envelope.result;
      seen += length;
      const total = envelope.totalCount;
      if (length === 0 || (total === undefined ? length < PAGE_SIZE : seen >= total)) return items;
    }
    throw oddAnswer(request);
  };
}

/** "Gone" is what we were told, not what was proved: a removal is verified by a list that worked. */
function gone(envelope: Envelope): "gone" | undefined {
  return envelope.status === 404 ? "gone" : undefined;
}

/** Ids come from the provider and go back into paths. */
function safePart(id: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) {
    throw new MusterError(
      "provider_refused",
      `Cloudflare gave an id that is none: ${JSON.stringify(id.slice(0, 64))}`,
    );
  }
  return id;
}

function base64(secret: Secret<Uint8Array>): string {
  return Buffer.from(secret.reveal()).toString("base64");
}

function isDeleted(value: unknown): boolean {
  return isRecord(value) && typeof value["deleted_at"] === "string";
}

/** Undefined for anything that is not a tunnel of this kind that stands. */
function readTunnel(value: unknown): ProviderTunnel | undefined {
  if (!isRecord(value) || isDeleted(value)) return undefined;
  const { id, name, status, tun_type: kind } = value;
  if (typeof id !== "string" || typeof name !== "string") return undefined;
  if (kind !== undefined && kind !== "cfd_tunnel") return undefined;
  return { id, name, status: typeof status === "string" ? status : "" };
}

function readRecord(value: unknown): DnsRecord | undefined {
  if (!isRecord(value)) return undefined;
  const { id, type, name, content, comment } = value;
  if (typeof id !== "string" || typeof type !== "string" || typeof name !== "string") return undefined;
  return {
    id,
    type,
    name: name.toLowerCase(),
    content: typeof content === "string" ? content : "",
    comment: typeof comment === "string" ? comment : null,
  };
}

/** A tunnel's token is base64 of `{a: account, t: tunnel, s: base64 of the secret}`. */
function readTokenSecret(result: unknown): Secret<Uint8Array> | undefined {
  if (typeof result !== "string") return undefined;
  try {
    const token: unknown = JSON.parse(Buffer.from(result, "base64").toString("utf8"));
    if (!isRecord(token) || typeof token["s"] !== "string") return undefined;
    return new Secret(new Uint8Array(Buffer.from(token["s"], "base64")));
  } catch {
    // Not a token; the caller says so, without showing what it was.
    return undefined;
  }
}

function oddAnswer({ action }: Request): MusterError {
  return new MusterError(
    "provider_unreachable",
    `Cloudflare was asked to ${action} and its answer has another shape than its API`,
    { hint: "it is tried again by itself; if it stays so, this version is too old for the API" },
  );
}
