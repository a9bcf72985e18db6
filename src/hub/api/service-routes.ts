// What devices offer, for programs of a person: the services of one, and which devices have a capability.
import { z } from "zod";
import { capabilityProtocol, capabilityVersion, serves } from "../../protocol/capabilities.ts";
import { MusterError } from "../../protocol/errors.ts";
import { rootsOf, type ResourceOf } from "../../protocol/actors.ts";
import { findDevice, type DeviceRow } from "../../store/devices.ts";
import { coOwnersOf } from "../co-owners.ts";
import { deviceResource } from "../devices/device-life.ts";
import { allowedRoots } from "./allowed-roots.ts";
import { json } from "./answers.ts";
import type { ApiParts } from "./ports.ts";
import { type Route, route } from "./route.ts";

const capabilityQuery = z.strictObject({
  protocol: capabilityProtocol,
  version: capabilityVersion.optional(),
});

export function serviceRoutes(parts: ApiParts): Route[] {
  const { db, fleet } = parts;
  return [
    route<"device.see">({
      method: "GET",
      path: "/api/devices/:id/services",
      action: "device.see",
      at: "hub",
      async answer(call) {
        const id = call.url.pathname.split("/").at(-2) ?? "";
        call.allow(seenResource(parts, await findDevice(db, id)));
        const device = fleet.viewOf(rootsOf(call.actor)).devices.find((one) => one.id === id);
        return json({ device_id: id, services: device?.services ?? [] });
      },
    }),
    route<"fleet.see">({
      method: "GET",
      path: "/api/devices/by-capability",
      action: "fleet.see",
      at: "hub",
      answer(call) {
        const { devices } = fleet.viewOf(allowedRoots(call));
        const query = capabilityQuery.safeParse(Object.fromEntries(call.url.searchParams));
        if (!query.success) throw badQuery();
        const { protocol, version } = query.data;
        const items = devices.flatMap(({ id, name, status, last_seen, capabilities = [] }) => {
          const found = capabilities.find((offer) =>
            version === undefined ? offer.protocol === protocol : serves(offer, { protocol, version }),
          );
          return found === undefined ? [] : [{ id, name, status, last_seen, capability: found }];
        });
        return json({ items });
      },
    }),
  ];
}

/** A co-owner sees it too. */
function seenResource(
  { ownerLogs }: Pick<ApiParts, "ownerLogs">,
  row: DeviceRow | undefined,
): ResourceOf<"device"> | undefined {
  const found = deviceResource(row);
  if (row === undefined || found === undefined) return undefined;
  return { ...found, ownerRoots: [...found.ownerRoots, ...coOwnersOf(ownerLogs, row)] };
}

function badQuery(): MusterError {
  return new MusterError("bad_request", "the query does not fit", {
    hint: "as in ?protocol=tasks&version=1.0.0",
  });
}
