// What a person sees of their fleet: devices, shares, and who did what. Only what their own owner logs cover.
import { z } from "zod";
import { MusterError } from "../../protocol/errors.ts";
import { pendingSetups } from "../devices/setups.ts";
import { allowedRoots } from "./allowed-roots.ts";
import { json } from "./answers.ts";
import { deviceStatuses } from "./device-status.ts";
import type { ApiParts } from "./ports.ts";
import { type Route, route } from "./route.ts";

const auditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(200).optional(),
});

export function fleetRoutes(parts: ApiParts): Route[] {
  const { fleet, audit } = parts;
  return [
    route<"fleet.see">({
      method: "GET",
      path: "/api/fleet",
      action: "fleet.see",
      at: "hub",
      answer: (call) => json(fleet.viewOf(allowedRoots(call))),
    }),
    route<"fleet.see">({
      method: "GET",
      path: "/api/device/status",
      action: "fleet.see",
      at: "hub",
      async answer(call) {
        const roots = allowedRoots(call);
        const { devices } = fleet.viewOf(roots);
        const setups = await pendingSetups(parts.life.setups, roots);
        return json({ devices: await deviceStatuses(parts, { devices, setups }) });
      },
    }),
    route<"audit.see">({
      method: "GET",
      path: "/api/audit",
      action: "audit.see",
      at: "hub",
      async answer(call) {
        const [ownerRoot = ""] = allowedRoots(call);
        const query = auditQuery.safeParse(Object.fromEntries(call.url.searchParams));
        if (!query.success) throw badQuery();
        const { limit, cursor = null } = query.data;
        const found = await audit.read({ ownerRoot, limit, cursor });
        if (found === undefined) throw badQuery();
        return json(found);
      },
    }),
  ];
}

function badQuery(): MusterError {
  return new MusterError("bad_request", "the query does not fit", {
    hint: "limit is 1 to 200, cursor comes from the page before",
  });
}
