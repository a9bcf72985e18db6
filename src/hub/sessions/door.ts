// Where connections become sessions: greeting, admission by kind, then messages until the end. The same door
// for a trunk and for a WebSocket.
import type { Kysely } from "kysely";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import type { BindingRule, Handshake } from "../../identity/session.ts";
import { ownersLetOn } from "../../identity/grant-covers.ts";
import { fromUtf8, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { PROVEN_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { Log } from "../../protocol/log.ts";
import type { ClientToHub, HubMessage } from "../../protocol/messages.ts";
import { rootsOf, type Actor, type Role } from "../../protocol/actors.ts";
import { addDevice, raiseSessions, type DeviceRow } from "../../store/devices.ts";
import { groupCommit } from "../../store/group-commit.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { TrunkClosed } from "../../trunk/closing.ts";
import { RESET } from "../../trunk/frame.ts";
import type { Pulse } from "../../trunk/liveness.ts";
import type { Wire } from "../../trunk/outbox.ts";
import { Trunk } from "../../trunk/trunk.ts";
import type { ByteStreamEvents, World } from "../../world/world.ts";
import type { Addresses } from "../addresses.ts";
import type { DeviceBook } from "../device-book.ts";
import type { Removals } from "../devices/removals.ts";
import type { HubLimits } from "../hub-limits.ts";
import type { Metrics } from "../metrics.ts";
import type { OwnerLogs } from "../owner-logs.ts";
import { RateLimiter, sourceOf } from "../rate-limit.ts";
import type { Directory } from "./directory.ts";
import { Greeting, type Proved } from "./greeting.ts";
import { handleMessage, type MessageParts } from "./handle-message.ts";
import { readClientMessage, unknownRequest } from "./read-client-message.ts";
import { Session } from "./session.ts";
import { openStream, type StreamDesks } from "./streams.ts";
import type { SessionTokens } from "./tokens.ts";

export interface DoorParts {
  world: Pick<World, "clock" | "timers">;
  db: Kysely<HubDatabase>;
  crypto: Crypto;
  signer: Signer;
  pulse: Pulse;
  log: Log;
  metrics: Metrics;
  version: string;
  limits: Pick<HubLimits, "messagesPerSecond" | "messagesBurst">;
  addresses: Addresses;
  devices: DeviceBook;
  ownerLogs: OwnerLogs;
  directory: Directory;
  removals: Pick<Removals, "proofFor">;
  guests: boolean;
  tokens: SessionTokens;
  streams: StreamDesks;
  messages: MessageParts;
}

export interface ArrivalAccount {
  userId: string;
  ownerRoots: readonly string[];
  /** Asked once more when the key has proved itself: who is slow to do so may have been signed out meanwhile. */
  isSignedIn(): Promise<boolean>;
}

export interface Arrival {
  wire: Wire;
  /** Proven address of the far end. */
  address: string;
  binding: Uint8Array;
  bindingRule: BindingRule;
  /** The account that was signed in there when the connection came, for a page. */
  account: ArrivalAccount | undefined;
  /** It has proved itself, or is gone. */
  settled(): void;
}

/** Between two commits of session numbers: what a returning device may wait, and forty commits a second. */
const RAISE_PAUSE_MS = 25;
/** Owners of one device whose heads are told; of others it asks. */
const HEADS_MAX = 64;
/** Sessions of keys that cost nothing to make. */
const GUESTS_MAX = 2_000;
/** Bounded by what is answered and by the room of the relay, not by their number in a second. */
const RELAYING: ReadonlySet<ClientToHub["type"]> = new Set(["send", "relay_ack"]);

export class SessionDoor {
  readonly #parts: DoorParts;
  readonly #messageLimit: RateLimiter;
  /** A thousand devices come back at once: their session numbers share commits. */
  readonly #raise: (item: { deviceId: string; number: number }) => Promise<boolean>;

  constructor(parts: DoorParts) {
    this.#parts = parts;
    const { messagesBurst, messagesPerSecond } = parts.limits;
    this.#messageLimit = new RateLimiter(parts.world.clock, {
      burst: messagesBurst,
      refillMs: (messagesBurst / messagesPerSecond) * 1000,
    });
    this.#raise = groupCommit({
      commit: (items) => raiseSessions(parts.db, items),
      pause: () => new Promise((resolve) => void parts.world.timers.after(RAISE_PAUSE_MS, resolve)),
    });
  }

  /** Plug what it returns under the connection. */
  arrive(arrival: Arrival): ByteStreamEvents {
    const { world, crypto, signer, pulse, log, version, addresses } = this.#parts;
    let session: Session | undefined;
    let token: string | undefined;
    let over: Pick<TrunkClosed, "code" | "reason"> | undefined;
    const trunk = new Trunk({
      role: "hub",
      stream: arrival.wire,
      timers: world.timers,
      clock: world.clock,
      pulse,
      events: {
        opened: (stream, payload) => {
          if (session !== undefined) return openStream(this.#parts.streams, session, { stream, payload });
          stream.reset(RESET.refused);
          return { data() {}, drain() {}, end() {}, close() {} };
        },
        message: (bytes) =>
          session === undefined ? greeting?.receive(bytes) : this.#message(session, bytes),
        goaway: () => session !== undefined && (session.leaving = true),
        closed: (why) => {
          over = why;
          greeting?.closed();
          arrival.settled();
          if (session !== undefined) this.#left(session, why);
        },
        failed: (error) => log.error("fault in a stream", { error }),
      },
    });
    let greeting: Greeting | undefined = new Greeting({
      trunk,
      timers: world.timers,
      crypto,
      signer,
      log,
      version,
      isOwnAddress: (dialled) => addresses.isOwn(dialled),
      binding: arrival.binding,
      bindingRule: arrival.bindingRule,
      admit: async (proved) => {
        const name = await this.#admit(proved, arrival).catch((error: unknown) => {
          // Who was taken out of its owner's log sees the entry first, and so that it is not the hub's word alone.
          for (const page of this.#parts.removals.proofFor(proved.handshake.deviceKey)) {
            trunk.message(utf8(JSON.stringify(page)));
          }
          throw error;
        });
        token = proved.handshake.sessionKind === "person" ? this.#parts.tokens.make() : undefined;
        return () => ({
          device_id: this.#idOf(proved.handshake.deviceKey),
          name,
          hostname: addresses.deviceHost(name),
          hub_url: addresses.hubUrl,
          ...(token === undefined ? {} : { token }),
          ...(proved.handshake.sessionKind === "register"
            ? { owner_heads: this.#headsFor(proved.handshake.deviceKey) }
            : {}),
        });
      },
      admitted: (proved) => {
        // It has done its part, and sessions live for weeks.
        greeting = undefined;
        trunk.allowMessages(PROVEN_MESSAGE_MAX_BYTES);
        session = this.#begin(proved, trunk, arrival);
        arrival.settled();
        if (token !== undefined) this.#parts.tokens.bind(token, session);
        // Sent away as it arrived, for its key was taken out meanwhile: its end was told when it was nobody's yet.
        if (over !== undefined) this.#left(session, over);
      },
    });
    return trunk.wire;
  }

  /** The name it goes by here. Throws what it is refused with. */
  async #admit({ handshake, register }: Proved, arrival: Arrival): Promise<string> {
    const { metrics } = this.#parts;
    try {
      switch (handshake.sessionKind) {
        case "register":
          return (await this.#admitDevice(handshake, register, arrival.address)).name;
        case "attach":
          if (!commands(this.#rolesOf(handshake.deviceKey))) {
            throw new MusterError("forbidden", "this key commands nothing at this hub");
          }
          return register.name;
        case "person":
          if ((await arrival.account?.isSignedIn()) !== true)
            throw new MusterError("unauthorized", "nobody is signed in there");
          if (this.#isRevoked(handshake.deviceKey))
            throw new MusterError("forbidden", "this browser was removed");
          // One that was let in elsewhere than here is in the list of devices from now on.
          if (this.#parts.devices.byKey(handshake.deviceKey) === undefined) {
            await this.#addFromLog(handshake.deviceKey);
          }
          this.#parts.devices.seen(this.#idOf(handshake.deviceKey));
          return register.name;
        case "guest":
          this.#admitGuest(handshake);
          return register.name;
      }
    } catch (error) {
      metrics.session(handshake.sessionKind, "refused");
      throw error;
    }
  }

  /** A key that is enrolled nowhere: it pairs, sends and receives, and sees nothing of any owner. */
  #admitGuest({ deviceKey }: Handshake): void {
    const { guests, devices, directory } = this.#parts;
    if (!guests) throw new MusterError("forbidden", "this hub takes no guests");
    if (devices.byKey(deviceKey) !== undefined) {
      throw new MusterError("forbidden", "this key is a device of this hub and no guest");
    }
    let count = 0;
    for (const { facts } of directory.all()) if (facts.kind === "guest") count += 1;
    if (count >= GUESTS_MAX) throw new MusterError("too_many", "too many guests are here");
  }

  async #admitDevice(
    handshake: Handshake,
    { version, location }: Proved["register"],
    address: string,
  ): Promise<DeviceRow> {
    const { devices } = this.#parts;
    const { deviceKey: publicKey, session: number } = handshake;
    const row = devices.byKey(publicKey) ?? (await this.#addFromLog(publicKey));
    // One that nobody has confirmed is in no log yet: it may connect and publish, and is given no role.
    const unconfirmed = row?.confirmed === 0;
    if (row === undefined || (!unconfirmed && !this.#rolesOf(publicKey).has(row.owner_root))) {
      throw new MusterError("forbidden", "this key is enrolled nowhere at this hub", {
        hint: "join with a setup token: muster init HUB_URL --token TOKEN",
      });
    }
    if (row.revoked_at !== null) throw new MusterError("forbidden", "this device was removed");
    if (!(await this.#raise({ deviceId: row.device_id, number }))) {
      throw new MusterError("superseded", "two machines use this key: a newer session is known");
    }
    row.session_number = number;
    devices.seen(row.device_id, { version, location: location ?? null, source: sourceOf(address) });
    return row;
  }

  /** A key that an owner log names and that has not been here yet. */
  async #addFromLog(publicKey: Uint8Array): Promise<DeviceRow | undefined> {
    const { db, devices, ownerLogs, world } = this.#parts;
    for (const root of ownerLogs.rolesOf(publicKey).keys()) {
      const known = ownerLogs.get(root)?.participant(publicKey);
      if (known === undefined) continue;
      const { linkKey, name, kind, platform } = known;
      const deviceId = this.#idOf(publicKey);
      const wish = { deviceId, publicKey, linkKey, name, kind, platform, ownerRoot: root, confirmed: true };
      const added = await addDevice(db, wish, world.clock.now());
      if (added.outcome === "refused") return undefined;
      devices.keep(added.device);
      return added.device;
    }
    return undefined;
  }

  #begin({ handshake, register }: Proved, trunk: Trunk, arrival: Arrival): Session {
    const { world, directory, log, metrics } = this.#parts;
    const publicKey = handshake.deviceKey;
    const session = new Session(
      {
        kind: handshake.sessionKind,
        publicKey,
        deviceId: this.#idOf(publicKey),
        name: register.name,
        about: { platform: register.platform, kind: register.kind, version: register.version },
        address: arrival.address,
        sinceMs: world.clock.now(),
      },
      trunk,
      this.#actorOf(handshake.sessionKind, publicKey, arrival),
    );
    metrics.session(handshake.sessionKind, "opened");
    log.info("device registered", { device: session.facts.deviceId, kind: handshake.sessionKind });
    directory.add(session);
    // A page takes who may command from the log itself, never from the hub's word.
    if (handshake.sessionKind === "person") this.#tellLogs(session);
    return session;
  }

  #headsFor(publicKey: Uint8Array): HubMessage<"registered">["owner_heads"] {
    const { ownerLogs } = this.#parts;
    const roots = [...this.#rolesOf(publicKey)].flatMap(([root, role]) =>
      role === "unconfirmed" ? [] : [root],
    );
    return roots.slice(0, HEADS_MAX).flatMap((root) => {
      const head = ownerLogs.get(root)?.head;
      return head === undefined
        ? []
        : [{ owner_root: root, number: head.number, hash: toBase64Url(head.hash) }];
    });
  }

  #tellLogs(session: Session): void {
    for (const root of rootsOf(session.actor)) {
      const entries = [...(this.#parts.ownerLogs.get(root)?.entries ?? [])];
      session.send({ type: "log_entries", owner_root: root, entries });
    }
  }

  #actorOf(kind: Session["facts"]["kind"], publicKey: Uint8Array, arrival: Arrival): () => Actor {
    const key = toBase64Url(publicKey);
    const deviceId = this.#idOf(publicKey);
    switch (kind) {
      case "register":
        return () => ({ kind: "register", deviceKey: key, deviceId, roles: this.#rolesOf(publicKey) });
      case "attach":
        return () => ({ kind: "attach", key, roles: this.#rolesOf(publicKey) });
      case "person": {
        const { userId, ownerRoots } = arrival.account ?? { userId: "", ownerRoots: [] };
        return () => {
          const controller = commands(this.#rolesOf(publicKey)) ? "command" : "none";
          return { kind: "person", userId, key, ownerRoots, controller };
        };
      }
      case "guest":
        return () => ({ kind: "guest", key });
    }
  }

  #message(session: Session, bytes: Uint8Array): void {
    try {
      const message = readClientMessage(fromUtf8(bytes));
      const waitMs = RELAYING.has(message.type) ? 0 : this.#messageLimit.take(session.key);
      if (waitMs > 0) throw new MusterError("too_many", "too many messages; slow down");
      void handleMessage(this.#parts.messages, session, message);
    } catch (error) {
      const told = publicError(error);
      if (told.code === "unknown_message") return this.#unknown(session, told);
      session.close(told.code, told.message);
    }
  }

  /** A newer client may ask for what this hub does not know yet: it hears so, and its session goes on. */
  #unknown(session: Session, error: MusterError): void {
    const id = unknownRequest(error);
    this.#parts.log.debug("a message of an unknown kind", { device: session.facts.deviceId });
    if (id !== undefined) session.send({ type: "error", id, ...error.toJSON() });
  }

  #left(session: Session, why: Pick<TrunkClosed, "code" | "reason">): void {
    const { directory, devices, tokens, messages, metrics, log } = this.#parts;
    const { deviceId, kind } = session.facts;
    metrics.session(kind, "closed");
    log.info("device disconnected", { device: deviceId, kind, closed: why.code, reason: why.reason });
    tokens.end(session);
    messages.commands.left(session);
    // A browser may have several sessions, and each was really it; a device's older one was not.
    if (kind === "person" || directory.device(deviceId) === session) devices.seen(deviceId);
    directory.remove(session);
  }

  /**
   * By the log of the owner that the device is of, whatever others write of its key; and of a device that no log names
   * yet, that it waits for its owner's. Of a shared one also whose logs it obeys beside that, and of one that was
   * granted to another owner whose log it checks keys by.
   */
  #rolesOf(publicKey: Uint8Array): ReadonlyMap<string, Role> {
    const { ownerLogs, devices } = this.#parts;
    const named = ownerLogs.rolesOf(publicKey);
    const row = devices.byKey(publicKey);
    if (row === undefined) return named;
    const [own, ...others] = devices.ownersOf(row);
    const waits = row.confirmed === 0 && row.revoked_at === null ? "unconfirmed" : undefined;
    const role = named.get(row.owner_root) ?? waits;
    const granted = named.has(row.owner_root)
      ? ownersLetOn(ownerLogs.get(row.owner_root), toBase64Url(publicKey))
      : [];
    return new Map<string, Role>([
      ...(own === undefined || role === undefined ? [] : ([[own, role]] as const)),
      ...others.map((root) => [root, "shared"] as const),
      ...granted.flatMap((root) => (others.includes(root) ? [] : [[root, "granted"] as const])),
    ]);
  }

  #isRevoked(publicKey: Uint8Array): boolean {
    return (this.#parts.devices.byKey(publicKey)?.revoked_at ?? null) !== null;
  }

  #idOf(publicKey: Uint8Array): string {
    return deviceIdOf(this.#parts.crypto.sha256(publicKey));
  }
}

function commands(roles: ReadonlyMap<string, Role>): boolean {
  return [...roles.values()].some((role) => role === "command" || role === "admin");
}
