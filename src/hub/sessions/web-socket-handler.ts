// `/ws`: the same sessions over a WebSocket, for pages and for clients that get nothing else out.
import type { Kysely } from "kysely";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { listOwners } from "../../store/owners.ts";
import { WebSocketWire } from "../../trunk/web-socket.ts";
import type { AcceptWebSocket, World } from "../../world/world.ts";
import type { Accounts } from "../accounts/accounts.ts";
import type { Addresses } from "../addresses.ts";
import type { RequestFacts } from "../api/ports.ts";
import { bindingRuleFor } from "./binding-rule.ts";
import type { Arrival, SessionDoor } from "./door.ts";
import type { Unproven } from "./unproven.ts";

export interface WebSocketParts {
  world: Pick<World, "timers">;
  door: SessionDoor;
  accounts: Pick<Accounts, "sessionOf">;
  db: Kysely<HubDatabase>;
  addresses: Addresses;
  unproven: Unproven;
  /** Plain HTTP from elsewhere was accepted when the hub was started. */
  insecure: boolean;
}

/** What the edge knows of the connection. */
export interface WebSocketFacts extends RequestFacts {
  proxied: boolean;
  /** By TLS, ended here or at the named proxy. */
  https: boolean;
}

/** Answers undefined once the request has become a WebSocket. */
export function webSocketHandler(
  parts: WebSocketParts,
): (
  request: Request,
  how: { accept: AcceptWebSocket; facts: WebSocketFacts },
) => Promise<Response | undefined> {
  return async (request, { accept, facts }) => {
    const origin = request.headers.get("origin");
    if (origin !== null && origin !== parts.addresses.pageUrl) return refused(403, "another origin");
    const account = origin === null ? undefined : await accountOf(parts, request);
    const settled = parts.unproven.enter(facts.visitor);
    if (settled === undefined) return refused(429, "too many connections that have not said who they are");
    const { visitor, proxied, https } = facts;
    const arrival = {
      address: visitor,
      // A WebSocket does not show the TLS under it.
      binding: new Uint8Array(0),
      bindingRule: bindingRuleFor({ visitor, proxied, tls: https, origin }, parts.insecure),
      account,
      settled,
    };
    const accepted = accept((peer) => {
      const wire = new WebSocketWire(peer, parts.world.timers);
      wire.attach(parts.door.arrive({ ...arrival, wire }));
      return {
        message: (data) => wire.message(data),
        drain: () => wire.drained(),
        close: () => wire.closed(),
      };
    });
    if (accepted) return undefined;
    settled();
    return refused(426, "a WebSocket upgrade was expected");
  };
}

async function accountOf(parts: WebSocketParts, request: Request): Promise<Arrival["account"]> {
  const session = await parts.accounts.sessionOf(request);
  if (session === undefined) return undefined;
  const owners = await listOwners(parts.db);
  const mine = owners.filter((owner) => owner.user_id === session.userId);
  const { userId } = session;
  // The request itself is over by then.
  const again = new Request(request.url, { headers: { cookie: request.headers.get("cookie") ?? "" } });
  return {
    userId,
    ownerRoots: mine.map((owner) => owner.owner_root),
    isSignedIn: async () => (await parts.accounts.sessionOf(again))?.userId === userId,
  };
}

function refused(status: number, reason: string): Response {
  const code = status === 429 ? "too_many" : status === 426 ? "bad_request" : "forbidden";
  return Response.json({ error: { code, message: reason } }, { status });
}
