// The fake's envelopes and the shapes inside them, as the API's public schema has them.

import type { FakeRecord, FakeTunnel } from "./state.ts";

export interface Reply {
  status: number;
  body: Record<string, unknown>;
  headers?: Record<string, string>;
}

export function ok(result: unknown, info?: Record<string, number>): Reply {
  const body = { success: true, errors: [], messages: [], result };
  return { status: 200, body: info === undefined ? body : { ...body, result_info: info } };
}

export function refuse(status: number, code: number, message: string): Reply {
  return { status, body: { success: false, errors: [{ code, message }], messages: [], result: null } };
}

export function page(items: unknown[], query: URLSearchParams, perPageDefault: number): Reply {
  const number = Math.max(1, Number(query.get("page") ?? 1));
  const perPage = Math.max(1, Number(query.get("per_page") ?? perPageDefault));
  const shown = items.slice((number - 1) * perPage, number * perPage);
  return ok(shown, { page: number, per_page: perPage, count: shown.length, total_count: items.length });
}

export function tunnelBody(tunnel: FakeTunnel, accountId: string): Record<string, unknown> {
  const connected = tunnel.connectors.length > 0;
  return {
    id: tunnel.id,
    account_tag: accountId,
    name: tunnel.name,
    created_at: tunnel.createdAt,
    deleted_at: tunnel.deletedAt,
    status: connected ? "healthy" : "inactive",
    conns_active_at: connected ? tunnel.createdAt : null,
    conns_inactive_at: connected ? null : tunnel.createdAt,
    connections: [],
    tun_type: "cfd_tunnel",
    metadata: {},
    remote_config: tunnel.configSrc === "cloudflare",
  };
}

export function clientBody(clientId: string, createdAt: string): Record<string, unknown> {
  return {
    id: clientId,
    arch: "linux_amd64",
    version: "2026.8.1",
    run_at: createdAt,
    features: ["ha-origin"],
    conns: [
      {
        id: clientId,
        uuid: clientId,
        client_id: clientId,
        client_version: "2026.8.1",
        colo_name: "fra01",
        is_pending_reconnect: false,
        opened_at: createdAt,
        origin_ip: "192.0.2.7",
      },
    ],
  };
}

export function recordBody(record: FakeRecord): Record<string, unknown> {
  return {
    id: record.id,
    type: record.type,
    name: record.name,
    content: record.content,
    proxiable: true,
    proxied: record.proxied,
    ttl: record.ttl,
    comment: record.comment,
    tags: [],
    meta: {},
    created_on: record.createdOn,
    modified_on: record.createdOn,
  };
}

export function tunnelToken(tunnel: FakeTunnel, accountId: string): string {
  return Buffer.from(JSON.stringify({ a: accountId, t: tunnel.id, s: tunnel.secret })).toString("base64");
}
