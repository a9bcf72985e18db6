// What the hub does for each message of a proven session: the permission first, then the deed, then one
// answer. A refusal is an answer too.
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { ClientMessage, ClientToHub, HubToClient } from "../../protocol/messages.ts";
import { rootsOf } from "../../protocol/actors.ts";
import { demand, type Action } from "../../protocol/permissions.ts";
import type { Audit } from "../audit.ts";
import type { DeviceBook } from "../device-book.ts";
import type { Fleet } from "../fleet.ts";
import type { OwnerLogs } from "../owner-logs.ts";
import type { Prober } from "../prober.ts";
import type { ShareTable } from "../shares/share-table.ts";
import type { Addresses } from "../addresses.ts";
import type { Offers } from "../devices/offers.ts";
import type { DeviceLife } from "../devices/device-life.ts";
import type { RelayDesk } from "../relay/relay-desk.ts";
import type { CommandDesk } from "./command-desk.ts";
import type { Session } from "./session.ts";

export interface MessageParts {
  log: Log;
  audit: Audit;
  addresses: Addresses;
  devices: DeviceBook;
  shares: ShareTable;
  fleet: Fleet;
  prober: Pick<Prober, "probe">;
  ownerLogs: OwnerLogs;
  commands: CommandDesk;
  relay: RelayDesk;
  life: Pick<DeviceLife, "handle" | "tookTunnel" | "names">;
  offers: Pick<Offers, "handle" | "heard">;
  /** A new login link, or null when there is no need for one. */
  makeLoginLink(evenIfSignedIn: boolean): Promise<string | null>;
  homeRoots(): string[];
}

/** Never rejects. */
export async function handleMessage(
  parts: MessageParts,
  session: Session,
  message: ClientToHub,
): Promise<void> {
  try {
    const answer = await handle(parts, session, message);
    if (answer !== undefined) session.send(answer);
  } catch (error) {
    refuse(parts, session, { message, error: publicError(error) });
  }
}

function refuse(
  parts: MessageParts,
  session: Session,
  what: { message: ClientToHub; error: MusterError },
): void {
  const { message, error } = what;
  if (error.code === "internal") parts.log.error("fault in a message", { type: message.type, error });
  const id = "id" in message ? message.id : undefined;
  // Without an id nobody waits for it; what can't be answered is at least seen here.
  if (id === undefined)
    return parts.log.info("message refused", { type: message.type, error_code: error.code });
  session.send({ type: "error", id, ...error.toJSON() });
}

async function handle(
  parts: MessageParts,
  session: Session,
  message: ClientToHub,
): Promise<HubToClient | undefined> {
  switch (message.type) {
    case "share_publish":
      return publish(parts, session, message);
    case "share_remove":
      return removeShare(parts, session, message);
    case "share_state":
      demandOwnShare(session, parts, message.share_id);
      parts.shares.setState(message.share_id, message.state);
      return undefined;
    case "device_state":
      demand(session.actor, "device.report", itself(session));
      // What merely grows older is asked for by who looks at it; that there is something now is news.
      if (session.health === undefined) parts.fleet.changed(session.facts.deviceId);
      session.health = message.health;
      return undefined;
    case "service_register":
    case "capabilities_update":
      demand(session.actor, "device.report", itself(session));
      return parts.offers.handle(session.facts.deviceId, message);
    case "service_state":
      demand(session.actor, "device.report", itself(session));
      parts.offers.heard(session.facts.deviceId, message);
      return undefined;
    case "log_get": {
      demandOwner(session, "log.read", message.owner_root);
      const entries = parts.ownerLogs.get(message.owner_root)?.entries.slice(message.from) ?? [];
      return { type: "log_entries", id: message.id, owner_root: message.owner_root, entries: [...entries] };
    }
    case "log_append":
      demandOwner(session, "log.append", message.entry.log);
      await parts.ownerLogs.append(message.entry);
      void parts.audit.record({
        actor: `device:${session.facts.deviceId}`,
        action: "log.appended",
        target: `log:${message.entry.log}`,
        detail: { number: message.entry.number, kind: message.entry.kind },
        ownerRoot: message.entry.log,
      });
      return { type: "done", id: message.id };
    case "fleet_get":
      demandOwner(session, "fleet.see", firstRoot(session));
      return { type: "fleet", id: message.id, fleet: parts.fleet.viewFor(session) };
    case "fleet_watch":
      demandOwner(session, "fleet.see", firstRoot(session));
      session.watchesFleet = true;
      return { type: "fleet", id: message.id, fleet: parts.fleet.viewFor(session) };
    case "login_link_make":
      return loginLink(parts, session, message);
    case "audit_get":
      return audit(parts, session, message);
    case "device_rename":
    case "device_revoke":
    case "device_key_get":
    case "device_rotate":
    case "tunnel_want":
    case "tunnel_drop":
      return parts.life.handle(session, message);
    case "tunnel_taken":
      demand(session.actor, "device.report", itself(session));
      parts.life.tookTunnel(session);
      return undefined;
    case "command":
      return parts.commands.relay(session, message);
    case "command_outcome":
      parts.commands.outcome(session, message);
      return undefined;
    case "create_pairing":
    case "join_pairing":
    case "end_pairing":
    case "pairing_message":
    case "paired":
    case "unpair":
    case "send":
    case "relay_ack":
      return parts.relay.handle(session, message);
    case "error":
      parts.log.info("client reports", { device: session.facts.deviceId, error_code: message.code });
      return undefined;
    case "register":
      return { type: "error", code: "protocol_error", message: "this session is registered already" };
  }
}

async function publish(
  parts: MessageParts,
  session: Session,
  message: ClientMessage<"share_publish">,
): Promise<HubToClient> {
  const { facts } = session;
  const device = parts.devices.byId(facts.deviceId);
  demandOwnShare(session, parts, message.share_id);
  if (device === undefined) throw new Error(`a session of the unknown device ${facts.deviceId}`);
  const known = parts.shares.byId(message.share_id);
  const share = await parts.shares.publish(device, message).catch((error: unknown) => {
    // Another device's share id is as good as one that does not exist.
    if (error instanceof MusterError && error.code === "conflict")
      demand(session.actor, "share.publish", undefined);
    throw error;
  });
  if (share.link === "named") {
    await parts.life.names.place(share).catch(async (error: unknown) => {
      // A share that was there keeps its address, by the hub, until its device has a tunnel again.
      if (known !== undefined && error instanceof MusterError) return;
      // Published again meanwhile it is there too, by the later word.
      if (parts.shares.byId(share.shareId) === share) {
        await parts.shares.remove(facts.deviceId, share.shareId);
      }
      throw error;
    });
  }
  if (known === undefined) {
    void parts.audit.record({
      actor: `device:${facts.deviceId}`,
      action: "share.published",
      target: `share:${share.shareId}`,
      detail: { name: share.label, kind: share.kind, access: share.access },
      ownerRoot: device.owner_root,
    });
  }
  parts.prober.probe(share);
  const url = parts.addresses.shareUrl(share.label);
  const link = share.link === "named" ? { link: share.link } : {};
  return {
    type: "share_published",
    id: message.id,
    share_id: share.shareId,
    label: share.label,
    url,
    ...link,
  };
}

async function removeShare(
  parts: MessageParts,
  session: Session,
  message: ClientMessage<"share_remove">,
): Promise<HubToClient> {
  const { deviceId } = session.facts;
  // Another device's is as good as none, and taking away what is not there is done.
  demand(session.actor, "share.publish", { kind: "share", deviceKey: session.key, ownerRoots: [] });
  const share = parts.shares.byId(message.share_id);
  const removed = await parts.shares.remove(deviceId, message.share_id);
  if (removed && share?.link === "named") parts.life.names.look();
  const device = parts.devices.byId(deviceId);
  if (removed && device !== undefined) {
    void parts.audit.record({
      actor: `device:${deviceId}`,
      action: "share.removed",
      target: `share:${message.share_id}`,
      detail: { name: share?.label ?? "" },
      ownerRoot: device.owner_root,
    });
  }
  return { type: "done", id: message.id };
}

async function loginLink(
  parts: MessageParts,
  session: Session,
  message: ClientMessage<"login_link_make">,
): Promise<HubToClient> {
  demand(session.actor, "login_link.make", { kind: "hub", ownerRoots: parts.homeRoots() });
  const url = await parts.makeLoginLink(message.even_if_signed_in);
  return { type: "login_link", id: message.id, login_url: url };
}

async function audit(
  parts: MessageParts,
  session: Session,
  message: ClientMessage<"audit_get">,
): Promise<HubToClient> {
  const root = firstRoot(session);
  demandOwner(session, "audit.see", root);
  const page = await parts.audit.read({ ownerRoot: root, limit: message.limit, cursor: message.cursor });
  if (page === undefined) {
    return { type: "error", id: message.id, code: "invalid", message: "that is no cursor of this list" };
  }
  return { type: "audit", id: message.id, ...page };
}

/** A share that is not there yet may be made; one that is there must be this device's. */
function demandOwnShare(session: Session, parts: MessageParts, shareId: string): void {
  const known = parts.shares.byId(shareId);
  const holder = known === undefined ? session.facts.deviceId : known.deviceId;
  const mine = holder === session.facts.deviceId;
  demand(
    session.actor,
    "share.publish",
    mine ? { kind: "share", deviceKey: session.key, ownerRoots: [] } : undefined,
  );
}

function itself(session: Session): { kind: "device"; deviceKey: string; ownerRoots: readonly string[] } {
  return { kind: "device", deviceKey: session.key, ownerRoots: rootsOf(session.actor) };
}

function demandOwner(
  session: Session,
  action: Extract<Action, "log.read" | "log.append" | "fleet.see" | "audit.see">,
  root: string,
): void {
  demand(session.actor, action, { kind: "owner", root });
}

/** Today a session belongs to one owner; several come with co-owners. */
function firstRoot(session: Session): string {
  return rootsOf(session.actor)[0] ?? "";
}
