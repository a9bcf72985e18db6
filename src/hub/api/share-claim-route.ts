// A person takes a device that another owner shares, by the command line. The token never comes here: the person's
// home sends the entry that the token's key signed, and what its own log says of it; a log that is not here yet begins
// with it. A browser does the same by `POST /api/claim` (page-claim-routes.ts).
import { MusterError } from "../../protocol/errors.ts";
import {
  deviceClaimRequest,
  type DeviceClaimRequest,
  type DeviceClaimResponse,
} from "../../protocol/hub-api.ts";
import type { RateLimiter } from "../rate-limit.ts";
import { sourceOf } from "../rate-limit.ts";
import { json } from "./answers.ts";
import { tellRefusal } from "./device-routes.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource } from "./hub-resource.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";
import { route, type Route } from "./route.ts";
import { commitClaim, readClaim } from "./share-claiming.ts";

export function shareClaimRoute(parts: ApiParts, entries: RateLimiter): Route {
  return route<"device.join">({
    method: "POST",
    path: "/api/device/claim",
    action: "device.join",
    at: "hub",
    async answer(call) {
      call.allow(hubResource(parts));
      holdBack(entries.take(sourceOf(call.facts.visitor)));
      const asked = await call.json(deviceClaimRequest);
      try {
        return json(await claim(parts, asked, call.facts));
      } catch (error) {
        await tellRefusal(parts, error, { facts: call.facts, target: "share token" });
        throw error;
      }
    },
  });
}

async function claim(
  parts: ApiParts,
  asked: DeviceClaimRequest,
  facts: RequestFacts,
): Promise<DeviceClaimResponse> {
  const read = await readClaim(parts, asked);
  // It would be nobody's: whose page it is, the page's own call knows.
  if (read.beginner?.kind === "browser") {
    throw new MusterError("invalid", "a browser claims at the hub's page, where its person has an account");
  }
  const home = await commitClaim(parts, read, { userId: null, facts });
  const { device_id, name } = read.device;
  if (home === undefined) return { device_id, name, home: null };
  const hostname = parts.addresses.hostnameOf(home.name);
  return { device_id, name, home: { device_id: home.device_id, name: home.name, hostname } };
}
