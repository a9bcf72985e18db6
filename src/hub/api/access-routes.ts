// The hub's door to shares with access "login", and to services (service-door.ts). The gateway sends a visitor here with a nonce that it keeps in a
// cookie; the hub checks who it is and whether they may, and sends them back with a ticket, after the `#`.
//
// A click is needed, so that no page elsewhere can walk someone through doors: only what the hub's own page
// began goes by itself. Such a visit comes without a nonce, is remembered for a minute, and sent to the share
// first, which returns it here with one.
import { z } from "zod";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { PAGE_HEADERS } from "../../protocol/asset-answer.ts";
import { MusterError } from "../../protocol/errors.ts";
import { rootsOf, type Actor, type ResourceOf } from "../../protocol/actors.ts";
import { signedBytes } from "../../protocol/signed.ts";
import { encodeTicket, TICKET_LIFETIME_MS, TICKET_PATH, type TicketClaims } from "../../protocol/ticket.ts";
import { type DeviceRow, findDevice } from "../../store/devices.ts";
import { findLabel } from "../../store/labels.ts";
import { findShare, type HubShareRow } from "../../store/shares.ts";
import { RateLimiter } from "../rate-limit.ts";
import { ACCESS_SCRIPT } from "./access-script.ts";
import { doorPage, type DoorPage } from "./access-page.ts";
import { html, json, redirect } from "./answers.ts";
import { Approvals } from "./approvals.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource } from "./hub-resource.ts";
import { isFromOwnPage } from "./origin-guard.ts";
import type { ApiParts } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { demandController, demandHttp, findServiceDoor, type ServiceDoor } from "./service-door.ts";

const TICKETS = { burst: 30, refillMs: 60_000 };

const host = z
  .string()
  .min(1)
  .max(300)
  .regex(/^[a-z0-9.-]+(?::\d{1,5})?$/i);
/** 32 bytes. */
const nonce = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const visit = z.object({ to: host, nonce: nonce.optional() });
/** `key`: of the browser, where it is to sign by itself. */
const entry = z.object({ to: host, nonce, key: nonce.optional() });

interface Door extends ResourceOf<"share"> {
  share: HubShareRow;
  device: DeviceRow;
  /** As the visitor's browser names it. */
  host: string;
  origin: string;
}

export function accessRoutes(parts: ApiParts): Route[] {
  const { audit, clock, hubSigner } = parts;
  const approvals = new Approvals(clock);
  const tickets = new RateLimiter(clock, TICKETS);
  return [
    route<"share.enter">({
      method: "GET",
      path: "/access",
      action: "share.enter",
      at: "page",
      html: true,
      fromAnywhere: true,
      async answer(call) {
        const asked = visit.safeParse(Object.fromEntries(call.url.searchParams));
        const door = call.allow(asked.success ? await findAnyDoor(parts, asked.data.to) : undefined);
        if ("service" in door) demandHttp(parts, door);
        const key = `${userOf(call.actor)} ${shareOf(door)}`;
        const given = asked.data?.nonce;
        if (given !== undefined) {
          return html(doorPage({ door: facts(door), nonce: given, auto: approvals.take(key) }), 200);
        }
        if (!isFromOwnPage(call.request)) {
          return html(doorPage({ door: facts(door), nonce: undefined, auto: false }), 200);
        }
        approvals.give(key);
        return redirect(`${door.origin}/`);
      },
    }),
    route<"share.enter">({
      method: "POST",
      path: "/api/access",
      action: "share.enter",
      at: "page",
      async answer(call) {
        const asked = await call.json(entry);
        const door = call.allow(await findAnyDoor(parts, asked.to));
        const visitor = userOf(call.actor);
        holdBack(tickets.take(visitor));
        if ("service" in door) {
          demandHttp(parts, door);
          demandController(parts, door, asked.key);
          // The claims of a ticket; the page puts its own key there, and signs.
          const { share, host: at, origin, device } = door;
          const callers = rootsOf(call.actor);
          // Its own owner reads of everyone, a co-owner of what its own did.
          for (const ownerRoot of door.ownerRoots) {
            if (ownerRoot !== device.owner_root && !callers.includes(ownerRoot)) continue;
            await audit.record({
              actor: `user:${visitor}`,
              action: "service.entered",
              target: share,
              ownerRoot,
              requestId: call.facts.requestId,
            });
          }
          const expiresAt = clock.now() + TICKET_LIFETIME_MS;
          return json({ url: `${origin}${TICKET_PATH}`, sign: { share, host: at, expires_at: expiresAt } });
        }
        const claims: TicketClaims = {
          share: door.share.share_id,
          host: door.host,
          visitor,
          nonce: nonceBytes(asked.nonce),
          expiresAt: clock.now() + TICKET_LIFETIME_MS,
        };
        const signature = await hubSigner.sign(signedBytes("ticket", claims));
        await audit.record({
          actor: `user:${visitor}`,
          action: "share.entered",
          target: `share:${door.share.share_id}`,
          ownerRoot: door.device.owner_root,
          requestId: call.facts.requestId,
        });
        return json({ url: `${door.origin}${TICKET_PATH}#${encodeTicket(claims, signature)}` });
      },
    }),
    route<"hub.see">({
      method: "GET",
      path: "/access.js",
      action: "hub.see",
      at: "page",
      answer(call) {
        call.allow(hubResource(parts));
        const headers = {
          "Content-Type": "text/javascript; charset=utf-8",
          "Cache-Control": "no-cache",
          ...PAGE_HEADERS,
        };
        return new Response(ACCESS_SCRIPT, { headers });
      },
    }),
  ];
}

async function findAnyDoor(parts: ApiParts, to: string): Promise<Door | ServiceDoor | undefined> {
  return (await findDoor(parts, to)) ?? findServiceDoor(parts, to);
}

function shareOf(door: Door | ServiceDoor): string {
  return "service" in door ? door.share : door.share.share_id;
}

/** Undefined for a host that is no share's, or whose share has another access: neither has a door here. */
async function findDoor({ db, addresses, clock }: ApiParts, to: string): Promise<Door | undefined> {
  const asked = to.toLowerCase();
  const label = addresses.labelOf(asked);
  const held = label === undefined ? undefined : await findLabel(db, label);
  if (held === undefined || held.share_id === null) return undefined;
  const share = await findShare(db, held.share_id);
  const device = share === undefined ? undefined : await findDevice(db, share.device_id);
  if (share?.access !== "login" || device === undefined || device.revoked_at !== null) return undefined;
  if (share.expires_at !== null && share.expires_at <= clock.now()) return undefined;
  const origin = addresses.originOf(held.label);
  return {
    kind: "share",
    deviceKey: toBase64Url(device.public_key),
    ownerRoots: [device.owner_root],
    share,
    device,
    host: new URL(origin).host,
    origin,
  };
}

function facts(door: Door | ServiceDoor): DoorPage["door"] {
  const { device, host: name } = door;
  if ("service" in door) return { label: door.service, host: name, device: device.name, share: door.share };
  return { label: door.share.label, host: name, device: device.name };
}

function userOf(actor: Actor): string {
  if (actor.kind === "account") return actor.userId;
  throw new Error("the table's row lets accounts in, and nobody else");
}

function nonceBytes(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new MusterError("bad_request", "the nonce is none");
  return bytes;
}
