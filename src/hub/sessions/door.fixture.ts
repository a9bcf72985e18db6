// For tests: a door over a real database and real trunks in memory, and clients that knock with real keys. What
// waits for the clock happens when `until` lets it pass.
import { equalBytes, fromBase64Url, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { proveDevice, type Handshake } from "../../identity/session.ts";
import type { Signer } from "../../identity/crypto.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { SessionKind } from "../../protocol/signed.ts";
import { StreamLog, TrunkLog } from "../../trunk/testing-trunks.ts";
import { FakeTime, pipe } from "../../trunk/testing.ts";
import { Pulse } from "../../trunk/liveness.ts";
import { Trunk } from "../../trunk/trunk.ts";
import { testHub, type TestHub } from "../api/hub.fixture.ts";
import { DeviceBook } from "../device-book.ts";
import { createMetrics } from "../metrics.ts";
import { Directory } from "./directory.ts";
import { SessionDoor, type Arrival, type DoorParts } from "./door.ts";
import type { Session } from "./session.ts";
import { SessionTokens } from "./tokens.ts";

export const OWN = "https://hub.example:443";
const EXPORTER = new Uint8Array(32).fill(9);
/** Of the clock, between two looks. */
const LOOK_EVERY_MS = 5;
const LOOKS_MAX = 2_000;

const NOBODY = { open: () => new StreamLog() };

export interface Heard {
  type: string;
  id?: string;
  code?: string;
  name?: string;
  token?: string;
  signature?: string;
  owner_heads?: unknown;
  entries?: unknown[];
}

export interface TestDoor extends AsyncDisposable {
  hub: TestHub;
  time: FakeTime;
  directory: Directory;
  tokens: SessionTokens;
  /** Joined and left, in order. */
  events: string[];
  knock(arrival?: Partial<Arrival>): Client;
  /** The same database, found by a hub that has just started. */
  restarted(): Promise<void>;
  until<Value>(what: string, look: () => Value | undefined | false): Promise<Value>;
  /** A device that its owner's log names. */
  member(name: string): Promise<Signer>;
}

export interface Client {
  heard: Heard[];
  /** How often it was settled whether it stays. */
  settled(): number;
  trunk: Trunk;
  log: TrunkLog;
  say(message: object): void;
  /** Says who it is; the next thing but the hello is the answer. */
  register(
    signer: Signer,
    as?: { kind?: SessionKind; session?: number; name?: string },
  ): Promise<{ handshake: Handshake; answer: Heard }>;
  closed(): string | undefined;
}

/** `arrived`: what else hears of a session in the moment in which it is there. */
export async function openDoor(
  parts: Partial<DoorParts> = {},
  arrived: (session: Session) => void = () => {},
): Promise<TestDoor> {
  const hub = await testHub();
  const time = new FakeTime();
  const { crypto, logs: ownerLogs, store } = hub;
  const { now } = hub.clock;
  const tokens = new SessionTokens(crypto);
  const events: string[] = [];
  const directory = new Directory(time, {
    joined(session) {
      events.push(`joined ${session.facts.kind} ${session.facts.name}`);
      arrived(session);
    },
    left: ({ facts }) => void events.push(`left ${facts.kind} ${facts.name}`),
  });
  const newDoor = (devices: DeviceBook): SessionDoor =>
    new SessionDoor({
      world: { clock: hub.clock, timers: time },
      db: store.db,
      crypto,
      signer: hub.hubSigner,
      pulse: new Pulse(time, time),
      log: SILENT_LOG,
      metrics: createMetrics(),
      version: "0.1.0",
      limits: { messagesPerSecond: 100, messagesBurst: 5 },
      // What a door asks of them.
      addresses: { isOwn: (dialled: string) => dialled === OWN, deviceHost: () => "", hubUrl: OWN } as never,
      devices,
      ownerLogs,
      directory,
      removals: { proofFor: () => [] },
      guests: false,
      tokens,
      streams: { splices: { open: () => new StreamLog() }, calls: { capability: NOBODY, query: NOBODY } },
      messages: {
        log: SILENT_LOG,
        commands: { left() {} },
        fleet: { viewFor: () => ({ hub: {}, devices: [], shares: [] }) },
      } as unknown as DoorParts["messages"], // for fleet_get and the end of a session
      ...parts,
    });
  let door = newDoor(hub.devices);

  async function until<Value>(what: string, look: () => Value | undefined | false): Promise<Value> {
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      const value = look();
      if (value !== undefined && value !== false) return value;
      time.advance(LOOK_EVERY_MS);
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    throw new Error(`waited in vain for ${what}`);
  }

  function knock(arrival: Partial<Arrival> = {}): Client {
    let settled = 0;
    const heard: Heard[] = [];
    const [hubEnd, clientEnd] = pipe(time);
    const log = new TrunkLog();
    log.message = (bytes) => void heard.push(JSON.parse(new TextDecoder().decode(bytes)) as Heard);
    const trunk = new Trunk({ role: "agent", stream: clientEnd, timers: time, clock: time, events: log });
    clientEnd.events = trunk.wire;
    hubEnd.events = door.arrive({
      wire: hubEnd,
      address: "192.0.2.7",
      binding: EXPORTER,
      bindingRule: { type: "required" },
      account: undefined,
      settled: () => void (settled += 1),
      ...arrival,
    });
    const say = (message: object): void => void trunk.message(utf8(JSON.stringify(message)));
    const client: Client = {
      heard,
      settled: () => settled,
      trunk,
      log,
      say,
      async register(signer, { kind = "register", session = 1, name = "pi" } = {}) {
        const hello = await until("a hello", () => heard[0] as (Heard & Hello) | undefined);
        const { handshake, signature } = await proveDevice(
          signer,
          {
            protocols: hello.protocol,
            hubKey: fromBase64Url(hello.hub_key) ?? new Uint8Array(0),
            nonce: fromBase64Url(hello.nonce) ?? new Uint8Array(0),
          },
          {
            protocols: [1],
            sessionKind: kind,
            session,
            nonce: crypto.randomBytes(32),
            dialled: OWN,
            binding: EXPORTER,
            hubKey: undefined,
          },
        );
        const before = heard.length;
        say({
          type: "register",
          session_kind: kind,
          protocol: 1,
          public_key: toBase64Url(signer.publicKey),
          nonce: toBase64Url(handshake.deviceNonce),
          session,
          dialled: OWN,
          binding: toBase64Url(EXPORTER),
          name,
          platform: "linux-arm64",
          kind: "raspberry_pi",
          version: "0.1.0",
          signature: toBase64Url(signature),
        });
        const answer = await until("an answer", () =>
          heard.slice(before).find(({ type }) => type === "registered" || type === "error"),
        );
        return { handshake, answer };
      },
      closed: () => log.endedBy?.code,
    };
    return client;
  }

  return {
    hub,
    time,
    directory,
    tokens,
    events,
    knock,
    until,
    async restarted() {
      const devices = new DeviceBook({ db: store.db, ownerLogs, now, changed() {} });
      await devices.load();
      door = newDoor(devices);
    },
    async member(name) {
      const signer = crypto.ed25519Signer(crypto.randomBytes(32));
      const linkKey = crypto.x25519PublicKey(crypto.randomBytes(32));
      const { publicKey } = signer;
      const facts = { name, kind: "raspberry_pi", platform: "linux-arm64" } as const;
      // As when a person has compared its words: the home writes it down.
      await hub.parts.home.admitMember({ publicKey, linkKey, ...facts });
      if (
        !hub.home
          .log()
          .participants()
          .some((one) => equalBytes(one.publicKey, publicKey))
      )
        throw new Error("the log does not name it");
      return signer;
    },
    async [Symbol.asyncDispose]() {
      for (const session of directory.all()) session.trunk.close("unavailable", "the test is over");
      time.advance(0);
      await hub[Symbol.asyncDispose]();
    },
  };
}

interface Hello {
  protocol: number[];
  hub_key: string;
  nonce: string;
}
