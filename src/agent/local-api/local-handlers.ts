// What each call of the local API does. Whatever changes something leaves a row in this device's own record.
import type { Kysely } from "kysely";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import type { QueryReply } from "../../protocol/query-messages.ts";
import type { HubFile, LocalRequest, LocalResponse } from "../../protocol/local-api.ts";
import { appendAudit } from "../../store/audit.ts";
import type { CommonDatabase } from "../../store/common-schema.ts";
import type { World } from "../../world/world.ts";
import type { DeviceDesk } from "../device-desk.ts";
import type { makeDeviceToken } from "../device-tokens.ts";
import type { HubPort } from "../hub-port.ts";
import type { KeyDesk } from "../key-desk.ts";
import type { KnownFleet } from "../known-fleet.ts";
import type { Notices } from "../notices.ts";
import type { CoOwnerDesk } from "../co-owner-desk.ts";
import type { OwnerDesk } from "../owner-desk.ts";
import type { PeerDesk } from "../peers/peer-desk.ts";
import type { ShareBook } from "../shares/share-book.ts";
import type { OrderDesk } from "../orders/order-desk.ts";
import type { FleetTasks } from "../tasks/fleet-tasks.ts";
import { replyStream } from "./reply-stream.ts";
import { logStream } from "./log-stream.ts";
import type { LocalHandlers } from "./local-server.ts";

export interface LocalHandlersOptions {
  world: Pick<World, "clock" | "timers" | "disk">;
  db: Kysely<CommonDatabase>;
  pid: number;
  hub: HubPort;
  /** What this home has joined. */
  joined: HubFile;
  device(): { id: string; name: string };
  /** As the hub says, once it has. */
  hubUrl(): string;
  shares: ShareBook;
  fleet: KnownFleet;
  notices: Notices;
  makeToken(request: Parameters<typeof makeDeviceToken>[1]): ReturnType<typeof makeDeviceToken>;
  devices: DeviceDesk;
  /** Absent for an agent without a link key. */
  orders: OrderDesk | undefined;
  owners: OwnerDesk | undefined;
  coOwners: CoOwnerDesk;
  keys: KeyDesk;
  tasks: FleetTasks | undefined;
  /** By this home's own copy of the owner log. */
  mayCommand(): boolean;
  /** Resolves once this device has left its owner and forgotten its key. */
  leave(): Promise<void>;
  peers: PeerDesk;
  query(request: LocalRequest<"query">, left: AbortSignal): AsyncGenerator<QueryReply>;
  ask(request: LocalRequest<"capability">, left: AbortSignal): AsyncGenerator<CapabilityReply>;
  serviceTicket(request: LocalRequest<"service_ticket">): Promise<LocalResponse<"service_ticket">>;
  openPage(): Promise<LocalResponse<"open_page">>;
  onStopAsked(): void;
}

/** Time for the answer to `stop` to be on its way before everything ends. */
const STOP_AFTER_MS = 50;

export function localHandlers(options: LocalHandlersOptions): LocalHandlers {
  const { world, db, pid, hub, joined, device, shares, fleet, notices } = options;

  /** Runs it and records how it ended. */
  async function recorded<Result>(
    action: string,
    target: string,
    work: () => Promise<{ result: Result; detail?: Record<string, unknown> }>,
  ): Promise<Result> {
    const row = { actor: `device:${device().id}`, action, target, ownerRoot: joined.owner_root };
    try {
      const { result, detail } = await work();
      await appendAudit(db, { at: world.clock.now(), ...row, detail: { outcome: "ok", ...detail } });
      return result;
    } catch (error) {
      const detail = { outcome: publicError(error).code };
      // What went wrong matters more than that it could not be recorded.
      await appendAudit(db, { at: world.clock.now(), ...row, detail }).catch(() => {});
      throw error;
    }
  }

  const owners = (): OwnerDesk => {
    if (options.owners !== undefined) return options.owners;
    throw new MusterError("unavailable", "this agent was started without its link key");
  };
  const tasks = (): FleetTasks => {
    if (options.tasks !== undefined) return options.tasks;
    throw new MusterError("unavailable", "this agent was started without its link key");
  };
  const orders = (): OrderDesk => {
    if (options.orders !== undefined) return options.orders;
    throw new MusterError("unavailable", "this agent was started without its link key");
  };

  return {
    async status() {
      await fleet.refresh();
      return {
        hub: hubStatus(options),
        device: device(),
        shares: shares.list(),
        fleet: fleet.shown,
        notices: notices.all(),
      };
    },

    add: (request, caller) =>
      recorded("share.add", request.name ?? request.path ?? `port ${request.port ?? ""}`, async () => {
        const result = await shares.add(request, caller);
        const { id, name, kind, access } = result.share;
        return { result, detail: { id, name, kind, access } };
      }),

    remove: ({ share }) =>
      recorded("share.remove", share, async () => ({ result: await shares.remove(share) })),

    start_app: ({ share }, caller) =>
      recorded("app.start", share, async () => ({ result: { share: await shares.start(share, caller) } })),

    stop_app: ({ share }) =>
      recorded("app.stop", share, async () => ({ result: { share: await shares.stop(share) } })),

    logs({ share, lines, follow }) {
      const path = shares.logPath(share);
      return logStream({ disk: world.disk, timers: world.timers, path, lines, follow });
    },

    device_token: (request) =>
      recorded("device.token", request.name ?? "any name", async () => {
        const { invite, ...result } = await options.makeToken(request);
        return { result, detail: { invite, expires_at: result.expires_at } };
      }),

    device_show: (request) => options.devices.show(request),

    device_invited: (request) => options.devices.invited(request),

    device_rename: (request) =>
      recorded("device.rename", request.device, async () => {
        const result = await options.devices.rename(request);
        return { result, detail: result };
      }),

    device_remove: (request) =>
      recorded("device.remove", request.device, async () => {
        const result = await options.devices.remove(request);
        return { result, detail: result };
      }),

    device_approve: (request) =>
      recorded("device.approve", request.device, async () => {
        const result = await options.devices.approve(request);
        return { result, detail: result };
      }),

    device_rotate: (request) =>
      recorded("device.rotate", request.device, async () => {
        const result = await options.devices.rotate(request);
        return { result, detail: result };
      }),

    leave: () =>
      recorded("device.leave", device().id, async () => {
        const { id, name } = device();
        await options.leave();
        return { result: { device_id: id, name } };
      }),

    owners: async () => owners().show(),

    device_share: (request) =>
      recorded("device.share", request.device, async () => {
        const result = await options.coOwners.offer(request);
        return { result, detail: { device: result.device_id, expires_at: result.expires_at } };
      }),

    device_unshare: (request) =>
      recorded("device.unshare", request.device, async () => {
        const result = await options.coOwners.end(request);
        return { result, detail: result };
      }),

    owner_promote: (request) =>
      recorded("owners.promote", request.device, async () => {
        const result = await owners().promote(request);
        return { result, detail: { ...result, admin: request.admin } };
      }),

    hub_handover: (request) =>
      recorded("hub.handover", request.device, async () => {
        const result = await owners().handOver(request);
        return { result, detail: result };
      }),

    recovery_make: () =>
      recorded("owners.recovery", joined.owner_root, async () => ({ result: await owners().makeRecovery() })),

    recovery_use: (request) =>
      recorded("owners.recover", joined.owner_root, async () => {
        const result = await owners().useRecovery(request);
        return { result, detail: { number: result.number, beaten: result.beaten } };
      }),

    owners_reset: (request) =>
      recorded("owners.reset", joined.owner_root, async () => {
        const result = await owners().reset(request);
        return { result, detail: { done: result.done, head: result.head } };
      }),

    keys: () => options.keys.show(),

    key_create: (request) =>
      recorded("key.create", request.name, async () => {
        const result = await options.keys.create(request);
        const { id, scopes, capabilities } = result.key;
        return { result, detail: { id, scopes, capabilities } };
      }),

    key_revoke: (request) =>
      recorded("key.revoke", request.key, async () => {
        const result = await options.keys.revoke(request);
        return { result, detail: { id: result.key.id, name: result.key.name } };
      }),

    grant: (request) =>
      recorded("key.grant", request.to, async () => {
        const result = await options.keys.grant(request);
        const { id, capabilities, devices } = result.key;
        return { result, detail: { id, capabilities, devices } };
      }),

    run: (request) => orders().run(request),
    task_query: (request) => {
      const asked = tasks();
      return replyStream((left) => asked.query(request, left));
    },
    task_show: (request) => tasks().show(request),
    task_logs: (request) => tasks().logs(request),
    task_cancel: (request) =>
      recorded("task.cancel", request.task, async () => ({ result: await tasks().cancel(request) })),
    task_remove: (request) =>
      recorded("task.remove", request.task, async () => ({ result: await tasks().remove(request) })),
    shell: (request) => orders().shell(request),
    forward: (request) => orders().forward(request),
    capability_order: (request) => orders().capability(request),
    service_ticket: (request) =>
      recorded("service.ticket", `${request.device}/${request.service}`, async () => {
        const result = await options.serviceTicket(request);
        return { result, detail: { device: result.device.id, expires_at: result.expires_at } };
      }),

    query: (request) => replyStream((left) => options.query(request, left)),
    capability: (request) => replyStream((left) => options.ask(request, left)),

    async order_input({ order, bytes }) {
      await orders().input(order, inputBytes(bytes));
      return {};
    },

    order_tell({ order, message }) {
      orders().tell(order, message);
      return Promise.resolve({});
    },

    pair_make: (request) => options.peers.make(request),
    pair_wait: (request) => options.peers.wait(request),
    pair_cancel: (request) => options.peers.cancel(request),
    pair_join: (request) => options.peers.join(request),
    peers: () => options.peers.peers(),
    peer_unpair: (request) => options.peers.unpair(request),
    peer_name: (request) => options.peers.name(request),
    peer_verify: (request) => options.peers.verify(request),
    send: (request) => options.peers.send(request),
    file_send: (request) => options.peers.fileSend(request),
    file_sends: () => options.peers.fileSends(),
    file_cancel: (request) =>
      recorded("file.cancel", request.id, async () => ({ result: await options.peers.fileCancel(request) })),
    file_refuse: (request) =>
      recorded("file.refuse", request.id, async () => ({ result: await options.peers.fileRefuse(request) })),
    inbox: (request) => options.peers.inbox(request),
    inbox_read: (request) => options.peers.read(request),

    open_page: () => recorded("page.open", device().id, async () => ({ result: await options.openPage() })),

    login_link: (request) =>
      recorded("login_link.make", joined.hub_id, async () => {
        const { login_url } = await hub.request({ type: "login_link_make", ...request }, "login_link");
        return { result: { login_url } };
      }),

    async audit(request) {
      const { items, cursor } = await hub.request({ type: "audit_get", ...request }, "audit");
      return { items, cursor };
    },

    stop() {
      world.timers.after(STOP_AFTER_MS, options.onStopAsked);
      return Promise.resolve({ pid });
    },
  };
}

function inputBytes(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes !== undefined) return bytes;
  throw new MusterError("bad_request", "the input of an order is not base64url");
}

function hubStatus(options: LocalHandlersOptions): LocalResponse<"status">["hub"] {
  const { hub, joined, hubUrl } = options;
  const { state } = hub;
  return {
    url: hubUrl(),
    id: joined.hub_id,
    state: state.at,
    since: state.at === "connected" ? new Date(state.sinceMs).toISOString() : null,
    reason: state.at === "connected" ? null : reasonOf(state.problem),
    // The home that runs the hub holds a controller's key until it is handed over.
    owner_key_on_hub: joined.embedded && options.mayCommand(),
  };
}

function reasonOf(problem: MusterError | undefined): string | null {
  if (problem === undefined) return null;
  return problem.hint === undefined ? problem.message : `${problem.message} (${problem.hint})`;
}
