// `/ws`: the same sessions over a WebSocket, for pages and for clients that get nothing else out.
import type { Kysely } from "kysely";
import type { BindingRule } from "../../identity/session.ts";
import { isLoopbackAddress } from "../../protocol/permissions.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { listOwners } from "../../store/owners.ts";
import { WebSocketWire } from "../../trunk/web-socket.ts";
import type { AcceptWebSocket, World } from "../../world/world.ts";
import type { Accounts } from "../accounts/accounts.ts";
import type { Addresses } from "../addresses.ts";
import type { RequestFacts } from "../api/ports.ts";
import type { Arrival, SessionDoor } from "./door.ts";

export interface WebSocketParts {
  world: Pick<World, "timers">;
  door: SessionDoor;
  accounts: Pick<Accounts, "sessionOf">;
  db: Kysely<HubDatabase>;
  addresses: Addresses;
}

/** Answers undefined once the request has become a WebSocket. */
export function webSocketHandler(
  parts: WebSocketParts,
): (
  request: Request,
  how: { accept: AcceptWebSocket; facts: RequestFacts },
) => Promise<Response | undefined> {
  return async (request, { accept, facts }) => {
    const origin = request.headers.get("origin");
    if (origin !== null && origin !== parts.addresses.pageUrl) return refused(403, "another origin");
    const account = origin === null ? undefined : await accountOf(parts, request);
    const arrival = {
      address: facts.visitor,
      binding: new Uint8Array(0),
      bindingRule: ruleFor(origin, facts.visitor),
      account,
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
    return accepted ? undefined : refused(426, "a WebSocket upgrade was expected");
  };
}

function ruleFor(origin: string | null, visitor: string): BindingRule {
  if (origin !== null) return { type: "browser", origin };
  return isLoopbackAddress(visitor) ? { type: "loopback" } : { type: "required" };
}

async function accountOf(parts: WebSocketParts, request: Request): Promise<Arrival["account"]> {
  const session = await parts.accounts.sessionOf(request);
  if (session === undefined) return undefined;
  const owners = await listOwners(parts.db);
  const mine = owners.filter((owner) => owner.user_id === session.userId);
  return { userId: session.userId, ownerRoots: mine.map((owner) => owner.owner_root) };
}

function refused(status: number, reason: string): Response {
  return Response.json({ error: { code: "forbidden", message: reason } }, { status });
}
