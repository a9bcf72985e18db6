// A session with the hub for the CLI of a controller's home where no agent runs: it may ask and sign, and is
// no device's presence.
import type { HubSession as CliSession, OrderCalls } from "../cli/hub-session.ts";
import { askCapability } from "../client/calls/ask-capability.ts";
import { askFleet } from "../client/calls/ask-fleet.ts";
import { capabilityQuestion } from "../agent/calls/capability-question.ts";
import { queryFleet, type FleetAsker } from "../agent/calls/query-fleet.ts";
import { CoOwnerDesk } from "../agent/co-owner-desk.ts";
import { DeviceDesk } from "../agent/device-desk.ts";
import { makeDeviceToken } from "../agent/device-tokens.ts";
import type { HubSession } from "../agent/link/hub-session.ts";
import { KeyDesk } from "../agent/key-desk.ts";
import { OwnerDesk } from "../agent/owner-desk.ts";
import { OrderDesk } from "../agent/orders/order-desk.ts";
import { makeServiceTicket } from "../agent/services/ticket-desk.ts";
import type { Controller } from "../client/commands/device-session.ts";
import { FleetTasks } from "../agent/tasks/fleet-tasks.ts";
import { nodeDhKey, nodeSessionCrypto } from "../identity/sealed/session-crypto-node.ts";
import { extendLog, verifyLog, type OwnerLog } from "../identity/owner-log.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { readHubFile, writeHubFile } from "./home-state.ts";
import { openHome, type Environment, type HomeParts } from "./parts.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { connectedAs, hubKeyOf } from "./session-by-key.ts";

export async function attach(home: string, environment: Environment): Promise<CliSession> {
  const parts = await openHome(home, environment);
  const hubFile = await readHubFile(parts.world.disk, parts.paths);
  if (hubFile === undefined || !hubFile.controller) {
    throw new MusterError("agent_not_running", "nothing runs in this home", {
      hint: "start it: muster start",
    });
  }
  const session = await connectedAs(parts, hubFile, {
    environment,
    sessionKind: "attach",
    nextSession: () => Promise.resolve(0),
  });
  return {
    device: { id: hubFile.device_id, name: hubFile.name },
    async request(type, message) {
      const answers = { fleet_get: "fleet", login_link_make: "login_link", audit_get: "audit" } as const;
      // Each question has its one answer in the table above; the type parameter is lost on the way.
      return (await session.request({ type, ...message } as never, answers[type])) as never;
    },
    async devices() {
      const { clock } = parts.world;
      const book = await readLog(parts, session, hubFile);
      const { crypto, identity } = parts;
      const { signer } = identity;
      return new DeviceDesk({
        clock,
        crypto,
        signer,
        hub: session,
        book,
        hubKey: hubKeyOf(hubFile),
        embedded: hubFile.embedded,
      });
    },
    async keys() {
      const { crypto, identity, world } = parts;
      const book = await readLog(parts, session, hubFile);
      const { signer } = identity;
      const desk = new KeyDesk({
        clock: world.clock,
        crypto,
        signer,
        hub: session,
        book,
        peerKey: () => Promise.reject(new MusterError("agent_not_running", "only an agent has pairings")),
      });
      return {
        keys: () => desk.show(),
        key_create: (request) => desk.create(request),
        key_revoke: (request) => desk.revoke(request),
      };
    },
    async owners() {
      const { crypto, identity, world } = parts;
      const book = await readLog(parts, session, hubFile);
      const { signer, linkKey } = identity;
      const { embedded } = hubFile;
      const desk = new OwnerDesk({
        clock: world.clock,
        crypto,
        signer,
        linkKey,
        hub: session,
        book,
        embedded,
      });
      const { lan_url: lanUrl, insecure = false } = hubFile;
      const coOwners = new CoOwnerDesk({
        clock: world.clock,
        crypto,
        signer,
        hub: session,
        hubKey: hubKeyOf(hubFile),
        addresses: () => ({ hubUrl: hubFile.hub_url, lanUrl, insecure }),
        book,
      });
      return {
        owners: async () => desk.show(),
        owner_promote: (request) => desk.promote(request),
        device_share: (request) => coOwners.offer(request),
        device_unshare: (request) => coOwners.end(request),
        async hub_handover(request) {
          const result = await desk.handOver(request);
          await writeHubFile(world.disk, parts.paths, { ...hubFile, controller: false });
          return result;
        },
        recovery_make: () => desk.makeRecovery(),
        recovery_use: (request) => desk.useRecovery(request),
        owners_reset: (request) => desk.reset(request),
      };
    },
    async tasks() {
      const tasks = await fleetTasks(parts, { session, hubFile });
      return {
        task_show: (request) => tasks.show(request),
        task_logs: (request) => tasks.logs(request),
        task_cancel: (request) => tasks.cancel(request),
        task_remove: (request) => tasks.remove(request),
      };
    },
    async *taskQuery(request, left) {
      yield* (await fleetTasks(parts, { session, hubFile })).query(request, left);
    },
    async orders() {
      return ordersOver(parts, { session, hubFile, book: await readLog(parts, session, hubFile) });
    },
    async *query(request, left) {
      const { world, crypto, identity } = parts;
      const { clock, random } = world;
      const book = await readLog(parts, session, hubFile);
      const { signer } = identity;
      const asker = { clock, random, crypto, signer, hub: session, ownerRoot: hubFile.owner_root };
      const ask: FleetAsker = (question, gone) => askFleet(asker, { ...question, signed: true }, gone);
      yield* queryFleet({ crypto, hub: session, book, ask }, request, left);
    },
    capability(request, left) {
      const { world, crypto, identity } = parts;
      const { clock, random } = world;
      return askCapability(
        { clock, random, crypto, signer: identity.signer, hub: session, ownerRoot: hubFile.owner_root },
        capabilityQuestion(request),
        left,
      );
    },
    async serviceTicket(request) {
      const { world, crypto, identity } = parts;
      const book = await readLog(parts, session, hubFile);
      const { signer } = identity;
      const hubUrl = () => hubFile.hub_url;
      return makeServiceTicket({ clock: world.clock, crypto, signer, hub: session, hubUrl, book }, request);
    },
    async deviceToken(request) {
      const book = await readLog(parts, session, hubFile);
      const { lan_url: lanUrl, insecure = false } = hubFile;
      const { invite: _invite, ...made } = await makeDeviceToken(
        {
          clock: parts.world.clock,
          crypto: parts.crypto,
          signer: parts.identity.signer,
          hub: session,
          hubKey: hubKeyOf(hubFile),
          addresses: () => ({ hubUrl: hubFile.hub_url, lanUrl, insecure }),
          book,
        },
        request,
      );
      return made;
    },
    close: () => session.stop(),
  };
}

/** Without a part of this device's own: no agent runs here. */
async function fleetTasks(
  parts: HomeParts,
  { session, hubFile }: { session: HubSession; hubFile: HubFile },
): Promise<FleetTasks> {
  const book = await readLog(parts, session, hubFile);
  const { clock, random } = parts.world;
  return new FleetTasks({
    crypto: parts.crypto,
    hub: session,
    book,
    clock,
    random,
    controller: controllerOf(parts, { session, book }),
    own: () => ({ id: hubFile.device_id, name: hubFile.name }),
  });
}

function controllerOf(
  { world, crypto, identity }: HomeParts,
  { session, book }: { session: HubSession; book: Awaited<ReturnType<typeof readLog>> },
): Controller {
  const { signer, keys } = identity;
  const link = {
    crypto: nodeSessionCrypto(crypto),
    identityKey: signer.publicKey,
    linkKey: nodeDhKey(crypto, keys.link.reveal()),
  };
  return { timers: world.timers, crypto, signer, link, hub: session, book };
}

/** The same orders as an agent gives, but for what would run here. */
function ordersOver(
  parts: HomeParts,
  given: { session: HubSession; hubFile: HubFile; book: Awaited<ReturnType<typeof readLog>> },
): OrderCalls {
  const { session, hubFile, book } = given;
  const { clock, network, random } = parts.world;
  const desk = new OrderDesk({
    clock,
    network,
    random,
    crypto: parts.crypto,
    hub: session,
    book,
    controller: controllerOf(parts, given),
    own: () => ({ id: hubFile.device_id, name: hubFile.name }),
  });
  return {
    run: async (request) => desk.run(request),
    shell: async (request) => desk.shell(request),
    forward: async (request) => desk.forward(request),
    capability: async (request) => desk.capability(request),
    input: (order, bytes) => desk.input(order, bytes),
    tell: async (order, message) => desk.tell(order, message),
  };
}

/** The owner log as the hub has it, checked against the pinned root. */
export async function readLog({ crypto }: HomeParts, session: HubSession, { owner_root }: HubFile) {
  let log: OwnerLog | undefined;
  const fetchAll = async () => {
    const answer = await session.request({ type: "log_get", owner_root, from: 0 }, "log_entries");
    const fetched = verifyLog(crypto, answer.entries);
    if (toBase64Url(fetched.id) !== owner_root) {
      throw new MusterError("owner_log_invalid", "the hub sent the log of another owner");
    }
    log = fetched;
  };
  await fetchAll();
  return {
    get log() {
      return log;
    },
    problem: () => undefined,
    fetch: fetchAll,
    take(entries: Parameters<typeof extendLog>[2]) {
      if (log !== undefined) log = extendLog(crypto, log, entries);
      return Promise.resolve();
    },
  };
}
