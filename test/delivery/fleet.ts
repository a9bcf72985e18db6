// Devices and a hub's relay in one process, with their real classes and databases, and a wire in
// between that can be cut, can hold back, and whose ends can be killed. Time moves by hand; cryptography is real.
import { Notices } from "../../src/agent/notices.ts";
import { relayPort } from "../../src/agent/peers/relay-port.ts";
import { sqlPeerStore } from "../../src/agent/peers/sql-peer-store.ts";
import { STATE_MIGRATIONS, type StateDatabase } from "../../src/agent/state-migrations.ts";
import type { HubPort } from "../../src/agent/hub-port.ts";
import { PairingDesk } from "../../src/client/peers/pairing-desk.ts";
import { Post } from "../../src/client/peers/post.ts";
import { rawReceiveKeys } from "../../src/client/peers/receive-ring.ts";
import type { PeerStore } from "../../src/client/peers/store.ts";
import type { Asked, HubSessionState } from "../../src/agent/link/hub-session.ts";
import { Mailboxes } from "../../src/hub/pairing/mailboxes.ts";
import { Pairs } from "../../src/hub/relay/pairs.ts";
import { RelayDesk, type RelayMessage } from "../../src/hub/relay/relay-desk.ts";
import { Relay, type RelayLimits } from "../../src/hub/relay/relay.ts";
import { Session } from "../../src/hub/sessions/session.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import type { Signer } from "../../src/identity/crypto.ts";
import { fromUtf8, toBase64Url, utf8 } from "../../src/protocol/bytes.ts";
import { MusterError, publicError } from "../../src/protocol/errors.ts";
import { SILENT_LOG } from "../../src/protocol/log.ts";
import {
  clientToHub,
  hubToClient,
  type ClientToHub,
  type HubMessage,
  type HubToClient,
} from "../../src/protocol/messages.ts";
import { HUB_MIGRATIONS } from "../../src/store/hub-migrations.ts";
import type { HubDatabase } from "../../src/store/hub-schema.ts";
import type { Store } from "../../src/store/open-store.ts";
import type { Trunk } from "../../src/trunk/trunk.ts";
import { FakeTime } from "../../src/trunk/testing.ts";
import { Databases } from "./databases.ts";

export const START = Date.UTC(2026, 10, 20);

class Time extends FakeTime {
  override now(): number {
    return super.now() + START;
  }
}

/** Randomness and faults of a run; the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a hub that is not honest does with one message for a device: passes, changes, drops or adds to it. */
export type Meddle = (to: string, message: HubToClient) => HubToClient[];

export class TestFleet implements AsyncDisposable {
  readonly time = new Time();
  readonly databases: Databases;
  readonly devices: TestDevice[] = [];
  hub: TestHub | undefined;
  relayLimits: RelayLimits | undefined;
  meddle: Meddle = (_, message) => [message];
  /** Sees what devices say to the hub. */
  spy: (from: string, message: ClientToHub) => void = () => {};
  readonly crypto = nodeCrypto((length) => crypto.getRandomValues(new Uint8Array(length)));

  /** `folder`: databases are files there. */
  constructor(folder?: string) {
    this.databases = new Databases(this.time, folder);
  }

  async startHub(): Promise<void> {
    this.hub = await TestHub.start(this);
  }

  /** kill -9: what was not committed is gone, and every connection is cut. */
  killHub(): void {
    this.hub?.kill();
    this.hub = undefined;
    for (const device of this.devices) device.cut();
  }

  device(name: string): TestDevice {
    const device = new TestDevice(this, name);
    this.devices.push(device);
    return device;
  }

  /** Lets everything that can happen happen, a little at a time, until it is so. */
  async until(reached: () => boolean | Promise<boolean>, mostMs = 600_000): Promise<void> {
    for (let passed = 0; passed < mostMs; passed += 100) {
      for (let turn = 0; turn < 6; turn++) {
        if (await reached()) return;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      this.time.advance(100);
      // Cryptography runs on threads of its own, in time that is not ours.
      if (passed % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error("it never came to be");
  }

  async settle(ms = 2_000): Promise<void> {
    let passed = 0;
    await this.until(() => (passed += 20) >= ms);
  }

  /** A code made by one and entered by the other. */
  async pair(maker: TestDevice, joiner: TestDevice, typed?: string): Promise<void> {
    const made = await this.wait(
      maker.life.pairing.make({ petname: undefined, verified: false, reach: "anyone" }),
    );
    const outcome = maker.life.pairing.outcome(made.mailbox);
    if (outcome === undefined) throw new Error("the pairing is not under way");
    const wish = { petname: undefined, verified: false };
    await this.wait(Promise.all([outcome, joiner.life.pairing.join(typed ?? made.code, wish)]));
    await this.until(async () => (await maker.isPaired(joiner)) && (await joiner.isPaired(maker)));
  }

  /** Time goes on while something is waited for. */
  async wait<Result>(work: Promise<Result>): Promise<Result> {
    let done = false;
    const over = (): void => {
      done = true;
    };
    work.then(over, over);
    await this.until(() => done);
    return work;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.devices) device.kill();
    this.killHub();
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.databases.close();
  }
}

export class TestHub {
  readonly db: Store<HubDatabase>["db"];
  readonly mailboxes: Mailboxes;
  readonly desk: RelayDesk;
  readonly #kill: () => void;
  #alive = true;

  static async start(fleet: TestFleet): Promise<TestHub> {
    const { store, kill } = await fleet.databases.open<HubDatabase>("hub.db", HUB_MIGRATIONS);
    const now = () => fleet.time.now();
    const pairs = new Pairs(store.db, now);
    await pairs.load();
    const { relayLimits: limits } = fleet;
    const isStranger = (): boolean => false;
    const relay = new Relay({ db: store.db, log: SILENT_LOG, now, isStranger, ...(limits && { limits }) });
    await relay.load();
    return new TestHub(fleet, { db: store.db, kill, pairs, relay });
  }

  private constructor(
    fleet: TestFleet,
    parts: { db: Store<HubDatabase>["db"]; kill(): void; pairs: Pairs; relay: Relay },
  ) {
    this.db = parts.db;
    this.#kill = parts.kill;
    const random = { bytes: (length: number) => fleet.crypto.randomBytes(length) };
    this.mailboxes = new Mailboxes({ clock: fleet.time, random });
    this.desk = new RelayDesk({
      clock: fleet.time,
      log: SILENT_LOG,
      audit: { record: () => Promise.resolve() },
      mailboxes: this.mailboxes,
      pairs: parts.pairs,
      relay: parts.relay,
      homeRoots: () => [],
    });
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
    this.#kill();
  }

  async handle(session: Session, message: ClientToHub): Promise<void> {
    try {
      // The wire below carries messages of the relay alone.
      const answer = await this.desk.handle(session, message as RelayMessage);
      if (answer !== undefined && this.#alive) session.send(answer);
    } catch (error) {
      if (this.#alive && "id" in message && message.id !== undefined) {
        session.send({ type: "error", id: message.id, ...publicError(error).toJSON() });
      }
    }
  }
}

interface Life {
  db: Store<StateDatabase>["db"];
  store: PeerStore;
  post: Post;
  pairing: PairingDesk;
  notices: Notices;
  kill(): void;
}

/** One device with its own disk, over any number of lives. */
export class TestDevice {
  readonly fleet: TestFleet;
  readonly name: string;
  readonly signer: Signer;
  readonly key: string;
  readonly linkKey: Uint8Array;
  #life: Life | undefined;
  #wire: Wire | undefined;

  constructor(fleet: TestFleet, name: string) {
    this.fleet = fleet;
    this.name = name;
    this.signer = fleet.crypto.ed25519Signer(fleet.crypto.randomBytes(32));
    this.key = toBase64Url(this.signer.publicKey);
    this.linkKey = fleet.crypto.x25519PublicKey(fleet.crypto.randomBytes(32));
  }

  get life(): Life {
    if (this.#life === undefined) throw new Error(`${this.name} does not run`);
    return this.#life;
  }

  get isAlive(): boolean {
    return this.#life !== undefined;
  }

  get isConnected(): boolean {
    return this.#wire?.isOpen === true;
  }

  async start(): Promise<void> {
    const { crypto, time, databases } = this.fleet;
    const { store, kill } = await databases.open<StateDatabase>(`${this.name}.db`, STATE_MIGRATIONS);
    const notices = new Notices();
    const hub = relayPort(this.#port());
    const rows = sqlPeerStore(store.db, () => time.now());
    const makeReceiveKey = rawReceiveKeys(crypto);
    const world = {
      store: rows,
      clock: time,
      timers: time,
      crypto,
      signer: this.signer,
      hub,
      makeReceiveKey,
    };
    const post = new Post({ ...world, subtle: globalThis.crypto.subtle, notices, log: SILENT_LOG });
    const pairing = new PairingDesk({
      ...world,
      hubKey: () => new Uint8Array(32).fill(1),
      hubUrl: () => "http://localhost:8080",
      linkKey: this.linkKey,
      kind: "laptop",
      nickname: () => this.name,
      pinned: (peer) => post.pinned(peer),
    });
    this.#life = { db: store.db, store: rows, post, pairing, notices, kill };
  }

  kill(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.cut();
    life.post.stop();
    life.pairing.stop();
    life.kill();
    this.#life = undefined;
  }

  connect(): void {
    const { hub } = this.fleet;
    if (hub === undefined || this.#life === undefined) return;
    this.cut();
    const life = this.#life;
    this.#wire = new Wire(this, hub, (message) => {
      if (message.type === "pairing_message") life.pairing.heard(message);
      else life.post.heard(message);
    });
    life.post.connected();
  }

  cut(): void {
    this.#wire?.cut();
    this.#wire = undefined;
  }

  /** The hub does not hear that this session is over until the function returned is called. */
  leaveHanging(): () => void {
    const wire = this.#wire;
    this.#wire = undefined;
    return () => wire?.cut();
  }

  async isPaired(other: TestDevice): Promise<boolean> {
    return (await this.life.store.peers.list()).some(
      (peer) => peer.key === other.key && peer.state === "paired",
    );
  }

  /** Durable once it resolves. */
  async say(other: TestDevice, text: string): Promise<string> {
    return (await this.life.post.send(other.key, "text", utf8(text))).id;
  }

  /** Everything that a reader sees, in order. */
  async inbox(): Promise<string[]> {
    const rows = await this.life.store.inbox.list({ after: 0, limit: 100_000, unread: false });
    return rows.map((row) => fromUtf8(row.body) ?? "");
  }

  #port(): HubPort {
    const wire = () => this.#wire;
    const connected: HubSessionState = {
      at: "connected",
      sinceMs: START,
      registered: {
        type: "registered",
        device_id: "",
        name: this.name,
        hostname: "",
        hub_url: "http://localhost:8080",
        signature: "",
      },
    };
    return {
      get state() {
        return wire()?.isOpen === true ? connected : { at: "connecting" as const, problem: undefined };
      },
      send: (message) => wire()?.send(message) ?? false,
      request: <Type extends HubToClient["type"]>(asked: Asked, type: Type) =>
        (wire()?.request(asked, type) ?? Promise.reject(unreachable())) as Promise<HubMessage<Type>>,
      openStream: () => "closed",
    };
  }
}

/** One session: JSON both ways, a turn late, in order, until it is cut. */
class Wire {
  readonly #device: TestDevice;
  readonly #hub: TestHub;
  readonly #session: Session;
  readonly #pending = new Map<string, { resolve(message: HubToClient): void; reject(error: Error): void }>();
  #last = 0;
  isOpen = true;

  constructor(device: TestDevice, hub: TestHub, heard: (message: HubToClient) => void) {
    this.#device = device;
    this.#hub = hub;
    const { fleet } = device;
    const trunk = {
      message: (bytes: Uint8Array) => {
        const message = hubToClient.parse(JSON.parse(fromUtf8(bytes) ?? ""));
        for (const one of fleet.meddle(device.key, message)) this.#later(() => this.#receive(one, heard));
        return this.isOpen;
      },
      queuedBytes: 0,
    };
    const facts = {
      kind: "register" as const,
      publicKey: device.signer.publicKey,
      deviceId: device.name,
      name: device.name,
      about: { platform: "linux-x86_64", kind: "laptop" as const, version: "0.1.0" },
      address: "192.0.2.1",
      sinceMs: START,
    };
    const roles = new Map([["owner", "member" as const]]);
    const actor = { kind: "register" as const, deviceKey: device.key, deviceId: device.name, roles };
    // A session only says messages over its trunk here.
    this.#session = new Session(facts, trunk as unknown as Trunk, () => actor);
    hub.desk.joined(this.#session);
  }

  send(message: ClientToHub): boolean {
    if (!this.isOpen) return false;
    const parsed = clientToHub.parse(JSON.parse(JSON.stringify(message)));
    this.#device.fleet.spy(this.#device.key, parsed);
    this.#later(() => void this.#hub.handle(this.#session, parsed));
    return true;
  }

  request(asked: Asked, type: HubToClient["type"]): Promise<HubToClient> {
    const id = `${++this.#last}`;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve: (message) => {
          if (message.type === "error") reject(new MusterError(message.code, message.message));
          else if (message.type === type) resolve(message);
          else reject(new MusterError("protocol_error", `answered with ${message.type}`));
        },
        reject,
      });
      if (!this.send({ ...asked, id })) this.cut();
    });
  }

  cut(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.#hub.isAlive) this.#hub.desk.left(this.#session);
    for (const { reject } of this.#pending.values()) reject(unreachable());
    this.#pending.clear();
  }

  #receive(message: HubToClient, heard: (message: HubToClient) => void): void {
    const id = "id" in message ? message.id : undefined;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || pending === undefined) return heard(message);
    this.#pending.delete(id);
    pending.resolve(message);
  }

  #later(run: () => void): void {
    setImmediate(() => {
      if (this.isOpen && this.#hub.isAlive) run();
    });
  }
}

function unreachable(): MusterError {
  return new MusterError("hub_unreachable", "the wire is cut");
}
