// What happens to a device from its joining to its end, as far as the hub has a hand in it: codes, set-ups,
// confirmation, names, links, removal.
// The messages about it are answered here, each after the permission table was asked.
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ClientMessage, HubToClient } from "../../protocol/messages.ts";
import type { ResourceOf } from "../../protocol/actors.ts";
import { demand } from "../../protocol/permissions.ts";
import { renameDevice, type DeviceRow } from "../../store/devices.ts";
import { RateLimiter } from "../rate-limit.ts";
import type { HandOver, LinkStatus, TunnelCredentials } from "../../tunnels/link.ts";
import type { Clock, Timers } from "../../world/world.ts";
import type { Crypto } from "../../identity/crypto.ts";
import type { Secret } from "../../identity/secret.ts";
import type { Session } from "../sessions/session.ts";
import { CodeSecrets } from "./code-secrets.ts";
import { Confirmations } from "./confirmations.ts";
import type { DeviceFlowParts } from "./device-flow.ts";
import { LinkNames } from "./link-names.ts";
import type { NamedLinks } from "./named-links.ts";
import { Removals, type RemovalParts } from "./removals.ts";
import { forgetEndedSetups, type SetupParts } from "./setups.ts";

export interface DeviceLifeParts extends Omit<RemovalParts, "revoked"> {
  clock: Clock;
  timers: Timers;
  crypto: Crypto;
  hubKey: Uint8Array;
  /** Keeps the hashes of codes. */
  secret: Secret<Uint8Array>;
  named: NamedLinks;
  /** A device's own public host name, "" where the hub has no domain. */
  hostnameOf(label: string): string;
  /** A share's address. */
  shareUrl(label: string): string;
}

type LifeMessage = ClientMessage<
  "device_rename" | "device_revoke" | "device_key_get" | "device_rotate" | "tunnel_want" | "tunnel_drop"
>;
/** A device writes them down and starts its helper anew. */
const HAND_OVER_TIMEOUT_MS = 15_000;
const LOOK_AT_SETUPS_EVERY_MS = 60_000;
const LOOK_AT_NAMES_EVERY_MS = 5_000;

/** Revocations of one account or controller. */
const DELETIONS = { burst: 20, refillMs: 3_600_000 };

export class DeviceLife {
  readonly removals: Removals;
  readonly confirmations: Confirmations;
  readonly flow: DeviceFlowParts;
  readonly setups: SetupParts;
  readonly named: NamedLinks;
  readonly names: LinkNames;
  readonly #parts: DeviceLifeParts;
  readonly #deletions: RateLimiter;
  /** Who was handed credentials and has not said yet that it has them. */
  readonly #taken = new Map<Session, () => void>();
  /** The last that was handed over, or is being. */
  readonly #handing = new WeakMap<Session, Promise<void>>();

  constructor(parts: DeviceLifeParts) {
    this.#parts = parts;
    const { db, crypto, hubKey, now, named, log } = parts;
    this.named = named;
    this.names = new LinkNames(parts);
    this.removals = new Removals({
      ...parts,
      revoked: ({ device_id }) => {
        named.link
          .remove(device_id)
          .catch((error: unknown) => log.warn("a named link could not be removed", { error }));
      },
    });
    this.confirmations = new Confirmations(parts);
    this.flow = { db, crypto, hubKey, now, codes: new CodeSecrets(crypto, parts.secret) };
    this.setups = this.flow;
    this.#deletions = new RateLimiter(parts.clock, DELETIONS);
  }

  /** Ends what an earlier run began and did not end. */
  async finish(): Promise<void> {
    await this.removals.finish();
    await this.confirmations.finish();
  }

  /** Finishes links that were broken off, and takes away places that nobody took in time. The result ends it. */
  tend(): () => void {
    const stopLinks = this.named.tend();
    const { timers, log } = this.#parts;
    const timer = timers.every(LOOK_AT_SETUPS_EVERY_MS, () => {
      this.forgetEnded().catch((error: unknown) =>
        log.warn("set-ups that are over could not be removed", { error }),
      );
    });
    const names = timers.every(LOOK_AT_NAMES_EVERY_MS, () => this.names.look());
    this.names.look();
    return () => {
      timer.cancel();
      names.cancel();
      stopLinks();
    };
  }

  /** With the place goes what was made for it at a provider. */
  async forgetEnded(): Promise<void> {
    await forgetEndedSetups(this.setups, async ({ setup_id: holder, link }) => {
      if (link === "named") await this.named.link.remove(holder);
    });
  }

  async handle(session: Session, message: LifeMessage): Promise<HubToClient> {
    const { deviceId } = session.facts;
    const device = this.#parts.devices.byId("device_id" in message ? message.device_id : deviceId);
    switch (message.type) {
      case "tunnel_want":
        demand(session.actor, "device.link", deviceResource(device));
        if (device !== undefined) await this.#makeLink(session, device.name);
        return { type: "done", id: message.id };
      case "tunnel_drop":
        demand(session.actor, "device.report", deviceResource(device));
        await this.named.link.remove(deviceId);
        this.names.look();
        return { type: "done", id: message.id };
      case "device_key_get": {
        const found = demand(session.actor, "device.key", deviceResource(device));
        const { link_key = new Uint8Array(0) } = device ?? {};
        return {
          type: "device_key",
          id: message.id,
          device_id: message.device_id,
          public_key: found.deviceKey,
          link_key: toBase64Url(link_key),
        };
      }
      case "device_rename": {
        demand(session.actor, "device.rename", deviceResource(device));
        const name = await this.rename(message, `device:${session.facts.deviceId}`);
        return { type: "device_renamed", id: message.id, device_id: message.device_id, name };
      }
      case "device_rotate":
        demand(session.actor, "device.revoke", deviceResource(device));
        await this.rotate(message.device_id);
        return { type: "done", id: message.id };
      case "device_revoke":
        demand(session.actor, "device.revoke", deviceResource(device));
        if (device !== undefined) await this.removals.revoke(device, `device:${session.facts.deviceId}`);
        return { type: "done", id: message.id };
    }
  }

  /** The name that it got. */
  async rename(wish: { device_id: string; name: string }, actor: string): Promise<string> {
    const { db, devices, audit, now } = this.#parts;
    const before = devices.byId(wish.device_id);
    const name = await renameDevice(db, { deviceId: wish.device_id, name: wish.name }, now());
    if (before === undefined || name === undefined) {
      throw new MusterError("conflict", "this device was removed and keeps its last name");
    }
    const { name: former } = before;
    await devices.refresh(wish.device_id);
    const session = this.#parts.directory.device(wish.device_id);
    session?.send({ type: "device_named", name, hostname: this.#parts.hostnameOf(name) });
    this.names.look();
    await audit.record({
      actor,
      action: "device.renamed",
      target: `device:${wish.device_id}`,
      detail: { from: former, to: name },
      ownerRoot: before.owner_root,
    });
    return name;
  }

  /** Another secret for its tunnel: handed to the device over its own session, or once it is back. */
  async rotate(deviceId: string): Promise<LinkStatus> {
    const session = this.#parts.directory.device(deviceId);
    const handOver = session === undefined ? undefined : this.#handOver(session);
    return this.named.link.rotate(deviceId, handOver);
  }

  /** Made, or found made, and handed over; a device that lost its credentials gets new ones. */
  async #makeLink(session: Session, name: string): Promise<void> {
    const { link } = this.named;
    const { deviceId } = session.facts;
    const hostname = this.#parts.hostnameOf(name);
    if (hostname === "") {
      throw new MusterError("unavailable", "a named link needs a hub with a domain, for its host name");
    }
    await link.create({ holder: deviceId, hostname });
    const credentials = await link.credentials(deviceId);
    if (credentials === undefined) {
      await link.rotate(deviceId, this.#handOver(session));
      return;
    }
    await this.#handOver(session)(credentials);
    await link.delivered(deviceId);
  }

  /** The device said that it has them. Only one that was asked is heard. */
  tookTunnel(session: Session): void {
    this.#taken.get(session)?.();
  }

  /** A device says that it has them, and not which: it is given one set at a time. */
  #handOver(session: Session): HandOver {
    return (credentials) => {
      const before = this.#handing.get(session) ?? Promise.resolve();
      const given = before.then(() => this.#give(session, credentials));
      this.#handing.set(
        session,
        given.catch(() => {}), // whoever hands over hears of it
      );
      return given;
    };
  }

  #give(session: Session, { accountTag, tunnelId, hostname, secret }: TunnelCredentials): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        limit.cancel();
        this.#taken.delete(session);
        resolve();
      };
      const limit = this.#parts.timers.after(HAND_OVER_TIMEOUT_MS, () => {
        this.#taken.delete(session);
        reject(new MusterError("device_offline", "the device did not take the new credentials in time"));
      });
      this.#taken.set(session, done);
      session.send({
        type: "tunnel_credentials",
        account_tag: accountTag,
        tunnel_id: tunnelId,
        hostname,
        tunnel_secret: Buffer.from(secret.reveal()).toString("base64"),
      });
    });
  }

  /** It is back: what waited for it is handed over. Never rejects. */
  async back(session: Session): Promise<void> {
    const { deviceId, kind } = session.facts;
    if (kind !== "register") return;
    try {
      const { state } = await this.named.link.status(deviceId);
      if (state === "rotating") await this.rotate(deviceId);
      // It wrote down what came with its registration before it came here.
      else if (state === "ready") await this.named.link.delivered(deviceId);
    } catch (error) {
      this.#parts.log.warn("a tunnel could not be rotated", { device: deviceId, error });
    }
  }

  /** Milliseconds to wait before this account may revoke another one; 0 when it may now. */
  deletionWaitMs(account: string): number {
    return this.#deletions.take(account);
  }
}

export function deviceResource(device: DeviceRow | undefined): ResourceOf<"device"> | undefined {
  if (device === undefined) return undefined;
  return {
    kind: "device",
    deviceKey: toBase64Url(device.public_key),
    ownerRoots: [device.owner_root],
  };
}
