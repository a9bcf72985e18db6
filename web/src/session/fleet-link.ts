// The page's connection to its hub, told to the store: who this browser is there, the fleet as it changes, the
// owner log, and since when any of that is stale.
import {
  connect,
  type Connection,
  type ConnectionOptions,
  type ConnectionState,
} from "../../../src/client/connection.ts";
import type { OpenedPeer } from "../../../src/client/open-peer.ts";
import { KnownLogs, type RememberedHead } from "../../../src/client/commands/known-logs.ts";
import { linkOver, type PeerLink } from "../../../src/client/peer-link.ts";
import { keyProver } from "../../../src/client/prove-key.ts";
import type { Crypto } from "../../../src/identity/crypto.ts";
import { fromBase64Url, toBase64Url } from "../../../src/protocol/bytes.ts";
import type { HubMessage, HubToClient } from "../../../src/protocol/messages.ts";
import type { World } from "../../../src/world/world.ts";
import { changes } from "../fleet/changes.ts";
import { readGrants } from "../grants/grant-book.ts";
import type { BrowserIdentity } from "../platform/key-chain.ts";
import type { PageState } from "../state/page-state.ts";
import type { Store } from "../state/store.ts";
import { readAuthority, type Authority } from "./authority.ts";
import { PAGE_VERSION } from "./page-version.ts";

/** The hub tells of changes only; what merely gets older (proofs, health, latencies) is asked for. */
const REFRESH_MS = 5_000;

export interface FleetLinkOptions {
  store: Store<PageState>;
  world: Pick<World, "clock" | "timers" | "random">;
  crypto: Crypto;
  identity: BrowserIdentity;
  /** How far this browser has seen the log that lets it command. */
  remembered: RememberedHead | undefined;
  remember(head: RememberedHead): void;
  platform: string;
  /** Of the page: `https://muster.example`. */
  origin: string;
  /** Whether anybody can see the page now. */
  isVisible(): boolean;
  /** The hub did not open its door, or shut it: perhaps nobody is signed in any more. `ended`: for good. */
  refused(ended: boolean): void;
  /** Another tab or window took this browser's place. */
  superseded(): void;
  /** This browser as a device that pairs, over this very session; undefined where it can keep no pairs. */
  openPeer: ((link: PeerLink) => OpenedPeer) | undefined;
  onState(state: ConnectionState): void;
  /** The hub opened a stream to this browser. */
  opened: NonNullable<ConnectionOptions["opened"]>;
}

export interface FleetLink {
  connection: Connection;
  logs: KnownLogs;
  peer: OpenedPeer | undefined;
  close(): void;
  /** The bearer for the account's API calls; null while there is none. */
  token(): string | null;
}

export function openFleetLink(options: FleetLinkOptions): FleetLink {
  const { store, world, identity } = options;
  const url = `${options.origin.replace(/^http/, "ws")}/ws`;
  let token: string | null = null;
  let servedBy: Authority["hubDevice"] = null;
  let hubKey: Uint8Array | undefined;
  let ready = false;

  const hubNow = (): number => world.clock.now() + store.get().clockOffsetMs;

  const heard = (): void => store.set({ heardAt: hubNow() });

  const onFleet = ({ fleet }: HubMessage<"fleet">): void => {
    const { sentences, moved } = changes(store.get().fleet, fleet, hubNow());
    store.set({ fleet, moved, ...(sentences.length === 0 ? {} : { said: sentences.join(" ") }) });
  };

  const onLog = (): void => {
    const { log } = logs;
    if (log === undefined) return;
    const at = { crypto: options.crypto, nowMs: hubNow() };
    store.set({
      authority: readAuthority(log, identity.signer.publicKey, { ...at, servedBy }),
      grants: readGrants(log, { ...at, problem: logs.problem() }),
    });
  };
  const logs = new KnownLogs({
    crypto: options.crypto,
    ownKey: identity.signer.publicKey,
    remembered: options.remembered,
    remember: options.remember,
    changed: onLog,
  });

  const onMessage = (message: HubToClient): void => {
    if (message.type === "fleet") onFleet(message);
    else if (message.type === "log_entries") logs.hear(message.owner_root, message.entries);
    else peer?.heard(message);
  };

  const ask = (type: "fleet_watch" | "fleet_get"): void => {
    // Lost before the answer: the next "ready" asks anew.
    connection.request({ type }).then(onMessage, () => {});
  };

  /** A hub tells of new entries by itself; a device that serves its own page is asked. */
  const askLog = (): void => {
    const { log } = logs;
    if (servedBy === null || log === undefined) return;
    const wanted = { type: "log_get", owner_root: toBase64Url(log.id), from: log.length } as const;
    connection.request(wanted).then(onMessage, () => {});
  };

  const onReady = (registered: HubMessage<"registered">): void => {
    token = registered.token ?? null;
    servedBy = servingDevice(registered);
    store.set({
      hubLink: { at: "ready", since: hubNow() },
      browser: { id: registered.device_id, name: registered.name },
      said: "Connected to the hub.",
    });
    ask("fleet_watch");
    peer?.connected();
  };

  const onState = (state: ConnectionState): void => {
    const { heardAt } = store.get();
    switch (state.at) {
      case "connecting":
        if (heardAt === null) store.set({ hubLink: { at: "connecting", since: hubNow() } });
        return;
      case "ready":
        return onReady(state.registered);
      case "waiting": {
        const { problem } = state;
        const retryAt = state.retryAt + store.get().clockOffsetMs;
        const wasReady = store.get().hubLink.at === "ready";
        store.set({
          hubLink: { at: "lost", since: heardAt, retryAt, problem },
          ...(wasReady ? { said: "The connection to the hub was lost." } : {}),
        });
        if (!state.opened) options.refused(false);
        return;
      }
      case "ended":
        if (state.problem === null) return;
        if (state.problem.code === "superseded") return options.superseded();
        store.set({ hubLink: { at: "lost", since: heardAt, retryAt: 0, problem: state.problem } });
        options.refused(true);
    }
  };

  const prove = keyProver({
    crypto: options.crypto,
    signer: identity.signer,
    sessionKind: "person",
    url,
    hubKey: undefined,
    proved: (key) => void (hubKey = key),
    name: identity.name,
    platform: options.platform,
    kind: "browser",
    version: PAGE_VERSION,
  });
  const connection = connect({
    url,
    openSocket: (address) => new WebSocket(address),
    world,
    prove,
    onState(state) {
      ready = state.at === "ready";
      options.onState(state);
      onState(state);
    },
    onMessage,
    opened: options.opened,
    onHeard: heard,
  });
  const peer = options.openPeer?.(
    linkOver(connection, {
      isConnected: () => ready,
      hubKey: () => hubKey,
      hubUrl: () => options.origin,
    }),
  );
  const refreshing = world.timers.every(REFRESH_MS, () => {
    if (store.get().hubLink.at !== "ready" || !options.isVisible()) return;
    ask("fleet_get");
    askLog();
  });
  return {
    connection,
    logs,
    peer,
    token: () => token,
    close() {
      refreshing.cancel();
      peer?.close();
      connection.close();
    },
  };
}

/** Null where a hub serves the page. */
function servingDevice({ served_by }: HubMessage<"registered">): Authority["hubDevice"] {
  const key = served_by === undefined ? undefined : fromBase64Url(served_by.public_key);
  if (served_by === undefined || key === undefined) return null;
  return { id: served_by.device_id, key, name: served_by.name };
}
