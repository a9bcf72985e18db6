// What a hub tells about itself: that it is there, who it is, what it counts, which names are its own.
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { HubFacts } from "../../protocol/hub-api.ts";
import { PROTOCOL_VERSION } from "../../protocol/messages.ts";
import { readServiceLabel, serviceLabel } from "../../protocol/service-address.ts";
import { findLabel } from "../../store/labels.ts";
import { isLocalName } from "../addresses.ts";
import { json } from "./answers.ts";
import { hubResource } from "./hub-resource.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

export function factsRoutes(parts: ApiParts): Route[] {
  return [
    route<"hub.see">({
      method: "GET",
      path: "/health",
      action: "hub.see",
      at: "hub",
      fromAnywhere: true,
      answer(call) {
        call.allow(hubResource(parts));
        return json({ status: "healthy" });
      },
    }),
    route<"hub.see">({
      method: "GET",
      path: "/api/hub",
      action: "hub.see",
      at: "hub",
      async answer(call) {
        call.allow(hubResource(parts));
        return json(await hubFacts(parts));
      },
    }),
    route<"hub.measure">({
      method: "GET",
      path: "/metrics",
      action: "hub.measure",
      at: "hub",
      async answer(call) {
        call.allow(hubResource(parts));
        if (call.actor.kind === "anonymous") guardLocal(call);
        const { contentType, render } = parts.metrics;
        return new Response(await render(), {
          headers: { "Content-Type": contentType, "Cache-Control": "no-store" },
        });
      },
    }),
    route<"names.check">({
      method: "GET",
      path: "/api/tls/ask",
      action: "names.check",
      at: "hub",
      async answer(call) {
        call.allow(hubResource(parts));
        guardLocal(call);
        const domain = (call.url.searchParams.get("domain") ?? "").toLowerCase();
        if (await isOwnName(parts, domain)) return json({ domain });
        throw new MusterError("not_found", "this hub has no such name");
      },
    }),
  ];
}

async function hubFacts({ db, hubId, hubSigner, addresses, version, life }: ApiParts): Promise<HubFacts> {
  const claimed = await db
    .selectFrom("owners")
    .select("user_id")
    .where("user_id", "is not", null)
    .limit(1)
    .executeTakeFirst();
  return {
    hub_id: hubId,
    hub_key: toBase64Url(hubSigner.publicKey),
    hub_url: addresses.hubUrl(),
    page_url: addresses.pageOrigin() ?? null,
    version,
    protocol: [PROTOCOL_VERSION],
    claimed: claimed !== undefined,
    links: life.named.configured ? ["hub", "named"] : ["hub"],
  };
}

// Every tunnel and proxy ends on this machine, so an address alone proves nothing: what they carry names the
// public host, or shows that it was carried.
function guardLocal({ request, url, facts }: Pick<Call, "request" | "url" | "facts">): void {
  const { hostname } = url;
  const local = isLocalName(hostname) && !hostname.endsWith(".localhost");
  const carried = facts.carried === true || [...request.headers.keys()].some((name) => CARRIED.test(name));
  if (!local || carried) throw new MusterError("not_found", "that is only on this machine");
}

/** What proxies write, in the forms that the edge leaves. */
const CARRIED = /^(?:x-forwarded-|forwarded$|x-real-ip$|via$|cf-)/;

async function isOwnName({ db, addresses }: ApiParts, domain: string): Promise<boolean> {
  if (domain === "" || domain.length > 253) return false;
  if (addresses.isHubHost(domain)) return true;
  const label = addresses.labelOf(domain);
  if (label === undefined) return false;
  // A service's host stands and falls with its device's; a certificate for each of its services is no secret.
  const place = readServiceLabel(label);
  if (place === undefined) return (await findLabel(db, label)) !== undefined;
  return serviceLabel(place) === label && (await findLabel(db, place.device))?.share_id === null;
}
