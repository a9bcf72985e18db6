// What the page orders of any device, and asks the whole fleet: signed by this browser's key, and for a device sealed
// from here to there. The hub joins the two ends and reads nothing of it.
import { askFleet } from "../../../src/client/calls/ask-fleet.ts";
import type { Controller, OrderedDevice } from "../../../src/client/commands/device-session.ts";
import { DeviceTasks } from "../../../src/client/commands/device-tasks.ts";
import { orderedParticipant } from "../../../src/client/commands/ordered-participant.ts";
import { RemoteShell, type ShellEvents, type ShellWish } from "../../../src/client/commands/remote-shell.ts";
import type { Crypto } from "../../../src/identity/crypto.ts";
import { webSessionCrypto } from "../../../src/identity/sealed/session-crypto-web.ts";
import { toBase64Url } from "../../../src/protocol/bytes.ts";
import { MusterError } from "../../../src/protocol/errors.ts";
import type { QueryReply, QueryType } from "../../../src/protocol/query-messages.ts";
import type { World } from "../../../src/world/world.ts";
import type { BrowserIdentity } from "../platform/key-chain.ts";
import type { FleetLink } from "./fleet-link.ts";

export interface ShownDevice {
  id: string;
  name: string;
}

export interface PageCommands {
  /** Throws when this browser commands nothing, or the log does not hold the device. */
  tasks(device: ShownDevice): DeviceTasks;
  shell(device: ShownDevice, wish: ShellWish, events: ShellEvents): RemoteShell;
  /** Each device's part as it comes. Leaving the loop, or aborting `left`, takes it back. */
  query(type: QueryType, params: object, left: AbortSignal): AsyncGenerator<QueryReply>;
}

export interface PageCommandsOptions {
  world: Pick<World, "clock" | "timers" | "random">;
  crypto: Crypto;
  identity(): BrowserIdentity | undefined;
  link(): FleetLink | undefined;
}

export function pageCommands({ world, crypto, identity, link }: PageCommandsOptions): PageCommands {
  const { clock, random, timers } = world;

  const controller = (): Controller & { root: string } => {
    const [own, session] = [identity(), link()];
    const log = session?.logs.log;
    if (own === undefined || session === undefined || log === undefined) {
      throw new MusterError("unavailable", "the page is not connected to its hub");
    }
    const problem = session.logs.problem();
    if (problem !== undefined) throw problem;
    return {
      timers,
      crypto,
      signer: own.signer,
      link: {
        crypto: webSessionCrypto(globalThis.crypto.subtle, crypto),
        identityKey: own.signer.publicKey,
        linkKey: own.link,
      },
      hub: session.connection,
      book: session.logs,
      root: toBase64Url(log.id),
    };
  };

  const to = ({ id, name }: ShownDevice): { controller: Controller; device: OrderedDevice } => {
    const mine = controller();
    const { log } = mine.book;
    if (log === undefined) throw new MusterError("unavailable", "no owner log");
    return { controller: mine, device: orderedParticipant(crypto, log, { id, name, reference: name }) };
  };

  return {
    tasks: (device) => new DeviceTasks({ ...to(device), clock, random }),
    shell: (device, wish, events) => new RemoteShell({ ...to(device), clock, random }, wish, events),
    query(type, params, left) {
      const { signer, hub, root: ownerRoot } = controller();
      const parts = { clock, random, crypto, signer, hub, ownerRoot };
      return askFleet(parts, { type, params: JSON.stringify(params), signed: true }, left);
    },
  };
}
