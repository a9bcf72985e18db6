// The fake's tunnel calls: /accounts/{account}/cfd_tunnel…

import { clientBody, ok, page, refuse, type Reply, tunnelBody, tunnelToken } from "./answers.ts";
import type { FakeState, FakeTunnel } from "./state.ts";

export interface TunnelCall {
  state: FakeState;
  accountId: string;
  method: string;
  /** Behind /cfd_tunnel. */
  parts: string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
  now: string;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SECRET_MIN_BYTES = 32;

export function answerTunnelCall(call: TunnelCall): Reply {
  const { state, method, parts, accountId } = call;
  const [id, below] = parts;
  if (id === undefined) {
    if (method === "POST") return create(call);
    return method === "GET" ? list(call) : noRoute();
  }
  const tunnel = state.tunnels.get(id);
  if (tunnel === undefined) return notFound();
  if (below === undefined && method === "GET") return ok(tunnelBody(tunnel, accountId));
  if (tunnel.deletedAt !== null) return notFound();
  switch (`${method} ${below ?? ""}`) {
    case "PATCH ":
      return change(call, tunnel);
    case "DELETE ":
      return remove(call, tunnel);
    case "GET token":
      return ok(tunnelToken(tunnel, accountId));
    case "GET connections":
      return ok(tunnel.connectors.map((client) => clientBody(client, tunnel.createdAt)));
    case "DELETE connections":
      tunnel.connectors.length = 0;
      return ok({});
    default:
      return noRoute();
  }
}

function create({ state, accountId, body, now }: TunnelCall): Reply {
  const { name, tunnel_secret: secret, config_src: source } = body;
  if (typeof name !== "string" || name === "" || UUID.test(name)) {
    return refuse(400, 1002, "tunnel name is invalid");
  }
  if (secret !== undefined && !isSecret(secret)) return refuse(400, 1002, "tunnel secret is invalid");
  if (state.standing().some((one) => one.name === name)) {
    return refuse(409, 1013, "You already have a tunnel with this name");
  }
  const tunnel: FakeTunnel = {
    id: state.newTunnelId(),
    name,
    secret: typeof secret === "string" ? secret : Buffer.alloc(SECRET_MIN_BYTES, 7).toString("base64"),
    createdAt: now,
    deletedAt: null,
    configSrc: source === "cloudflare" ? "cloudflare" : "local",
    connectors: [],
    clings: 0,
  };
  state.tunnels.set(tunnel.id, tunnel);
  return ok({ ...tunnelBody(tunnel, accountId), token: tunnelToken(tunnel, accountId) });
}

function list({ state, accountId, query }: TunnelCall): Reply {
  const name = query.get("name");
  const id = query.get("uuid");
  const prefix = query.get("include_prefix");
  const without = query.get("exclude_prefix");
  const deleted = query.get("is_deleted");
  const found = [...state.tunnels.values()].filter(
    (tunnel) =>
      (name === null || tunnel.name === name) &&
      (id === null || tunnel.id === id) &&
      (prefix === null || tunnel.name.startsWith(prefix)) &&
      (without === null || !tunnel.name.startsWith(without)) &&
      (deleted === null || (tunnel.deletedAt !== null) === (deleted === "true")),
  );
  return page(
    found.map((tunnel) => tunnelBody(tunnel, accountId)),
    query,
    20,
  );
}

function change({ accountId, body }: TunnelCall, tunnel: FakeTunnel): Reply {
  const { name, tunnel_secret: secret } = body;
  if (secret !== undefined && !isSecret(secret)) return refuse(400, 1002, "tunnel secret is invalid");
  if (typeof secret === "string") tunnel.secret = secret;
  if (typeof name === "string") tunnel.name = name;
  return ok(tunnelBody(tunnel, accountId));
}

function remove({ accountId, now }: TunnelCall, tunnel: FakeTunnel): Reply {
  if (tunnel.connectors.length > 0 || tunnel.clings > 0) {
    if (tunnel.connectors.length === 0) tunnel.clings -= 1;
    return refuse(400, 1022, "Cannot delete tunnel because it has active connections");
  }
  tunnel.deletedAt = now;
  return ok(tunnelBody(tunnel, accountId));
}

function isSecret(value: unknown): boolean {
  return typeof value === "string" && Buffer.from(value, "base64").length >= SECRET_MIN_BYTES;
}

function notFound(): Reply {
  return refuse(404, 1003, "Tunnel not found");
}

function noRoute(): Reply {
  return refuse(404, 7003, "No route for the URI");
}
