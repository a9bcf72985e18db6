// Controllers and devices of one owner, with a hub between them that a test may be dishonest in. The sessions, the
// books and the record of commands are the real ones; streams are in memory.
import { browserSigner, makeBrowserKeys } from "../../identity/browser-key.ts";
import { nobleCrypto } from "../../identity/crypto-noble.ts";
import { seededCrypto } from "../../identity/crypto.fixture.ts";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry, beginLog, type NewEntry, type OwnerLog } from "../../identity/owner-log.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../identity/sealed/session-crypto-node.ts";
import { webDhKey, webSessionCrypto } from "../../identity/sealed/session-crypto-web.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { SealedKind } from "../../protocol/command-messages.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { encodeSessionCall, readSessionWish, SESSION_RESET } from "../../protocol/session-open.ts";
import type { DeviceKind } from "../../protocol/views.ts";
import { realWorld } from "../../world/real.ts";
import { realPrograms } from "../../world/programs.ts";
import { capabilityCommand } from "../capabilities/capability-command.ts";
import type { Capability } from "../capabilities/capability.ts";
import { execCommand } from "../exec/exec-command.ts";
import { forwardCommand, type RegisteredPort } from "../exec/forwards.ts";
import { Shells } from "../exec/shells.ts";
import { Notices } from "../notices.ts";
import { ObeyedLogs } from "../obeyed-logs.ts";
import { OwnerBook } from "../owner-book.ts";
import { testTasks, type TestTasks } from "../tasks/in-process.fixture.ts";
import { taskCommands } from "../tasks/task-commands.ts";
import { FakeHub, stateStore } from "../testing.ts";
import { CommandSessions, type CommandPolicy } from "./command-sessions.ts";
import type {
  Controller,
  OrderedDevice,
  OrderEvents,
  OrderWish,
} from "../../client/commands/device-session.ts";
import { PlacedOrder } from "../../client/commands/order.ts";
import { MemoryStream } from "./memory-stream.fixture.ts";
import type { LinkIdentity } from "../../client/commands/command-link.ts";

export const crypto = seededCrypto("sessions");
export const DAY_MS = 86_400_000;

/** Who holds keys, whatever a log says of it. */
export interface Party {
  name: string;
  kind: DeviceKind;
  signer: Signer;
  link: LinkIdentity;
  id: string;
}

export function party(name: string, kind: DeviceKind = "laptop"): Party {
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  return {
    name,
    kind,
    signer,
    link: {
      crypto: nodeSessionCrypto(crypto),
      identityKey: signer.publicKey,
      linkKey: nodeDhKey(crypto, crypto.randomBytes(32)),
    },
    id: deviceIdOf(crypto.sha256(signer.publicKey)),
  };
}

/** As a browser has its keys: made by WebCrypto, never to be read. */
export async function browserParty(name: string): Promise<Party> {
  const { subtle } = globalThis.crypto;
  const keys = await makeBrowserKeys(subtle);
  const signer = await browserSigner(subtle, keys);
  const noble = nobleCrypto(realWorld.random.bytes);
  return {
    name,
    kind: "browser",
    signer,
    link: {
      crypto: webSessionCrypto(subtle, noble),
      identityKey: signer.publicKey,
      linkKey: await webDhKey(subtle, keys.link),
    },
    id: deviceIdOf(noble.sha256(signer.publicKey)),
  };
}

export function about(who: Party): { name: string; kind: DeviceKind; platform: string; link_key: string } {
  return {
    name: who.name,
    kind: who.kind,
    platform: "linux-x86_64",
    link_key: toBase64Url(who.link.linkKey.publicKey),
  };
}

export function begin(who: Party): Promise<OwnerLog> {
  return beginLog(crypto, who.signer, about(who));
}

export function memberEntry(who: Party, by: Party): NewEntry {
  const body = {
    ...about(who),
    public_key: toBase64Url(who.signer.publicKey),
    ssh_host_keys: [],
    claim: null,
  };
  return { kind: "member", body, signer: by.signer };
}

export function controllerEntry(
  who: Party,
  by: Party,
  change: { until?: number; since?: number; scopes?: ("admin" | "command")[] } = {},
): NewEntry {
  return {
    kind: "controller",
    body: {
      ...about(who),
      public_key: toBase64Url(who.signer.publicKey),
      scopes: change.scopes ?? ["command"],
      since: change.since ?? Date.now(),
      until: change.until ?? null,
      named: true,
    },
    signer: by.signer,
  };
}

export function removeEntry(who: Party, by: Party): NewEntry {
  return { kind: "remove", body: { public_key: toBase64Url(who.signer.publicKey) }, signer: by.signer };
}

export async function grow(log: OwnerLog, ...entries: NewEntry[]): Promise<OwnerLog> {
  let grown = log;
  for (const entry of entries) grown = await appendEntry(crypto, grown, entry);
  return grown;
}

/** What the hub does with bytes on their way; `pass` hands some on. */
export type Tamper = (
  from: "controller" | "device",
  bytes: Uint8Array,
  pass: (bytes: Uint8Array) => void,
) => void;

export class TestHub {
  readonly devices = new Map<string, CommandSessions>();
  /** Of each byte that went by, in both directions. */
  readonly seen: Uint8Array[] = [];
  tamper: Tamper = (_from, bytes, pass) => pass(bytes);
  /** Another device than was asked for. */
  lead = (deviceId: string): string => deviceId;
  /** Another caller than the one that asks. */
  announce = (key: Uint8Array): Uint8Array => key;
  /** Both ends of what is open. */
  readonly streams: [MemoryStream, MemoryStream][] = [];

  portOf(key: Uint8Array): { openStream: Controller["hub"]["openStream"] } {
    return {
      openStream: (payload, events) => {
        const wish = readSessionWish(payload);
        const [near, far] = memoryStreams(this);
        this.streams.push([near, far]);
        near.adopt(events);
        const device =
          wish === undefined || "peerKey" in wish ? undefined : this.devices.get(this.lead(wish.deviceId));
        if (wish === undefined || device === undefined) {
          queueMicrotask(() => near.receiveReset(SESSION_RESET.offline));
          return near;
        }
        far.adopt(device.open(far, encodeSessionCall(wish.purpose, this.announce(key))));
        return near;
      },
    };
  }
}

export interface TestDevice {
  who: Party;
  sessions: CommandSessions;
  book: OwnerBook;
  logs: ObeyedLogs;
  hubLog: FakeHub;
  tasks: TestTasks;
  record: Awaited<ReturnType<typeof stateStore>>;
  /** The log as the hub has it for this device. */
  show(log: OwnerLog): Promise<void>;
}

const devices: TestDevice[] = [];

/** After each test: what their tasks keep is on the disk. */
export async function endDevices(): Promise<void> {
  for (const { tasks } of devices.splice(0)) await tasks[Symbol.asyncDispose]();
}

export async function device(
  hub: TestHub,
  who: Party,
  given: { log: OwnerLog; policy?: CommandPolicy; ports?: RegisteredPort[]; capability?: Capability },
): Promise<TestDevice> {
  const record = await stateStore(realWorld);
  const hubLog = new FakeHub();
  const ownerRoot = toBase64Url(given.log.id);
  hubLog.ownerRoot = ownerRoot;
  hubLog.connect();
  let sessions: CommandSessions | undefined;
  const bookOf = (root: string): OwnerBook =>
    new OwnerBook({
      db: record.db,
      crypto,
      hub: hubLog,
      ownerRoot: root,
      notices: new Notices(),
      log: SILENT_LOG,
      grown: () => {
        void logs.look();
        sessions?.look();
      },
    });
  const book = bookOf(ownerRoot);
  const logs = new ObeyedLogs({
    ownerRoot,
    publicKey: who.signer.publicKey,
    own: book,
    open: bookOf,
  });
  await book.take(given.log.entries);
  const place = { programs: realPrograms, home: "/tmp", environment: { PATH: process.env["PATH"] ?? "" } };
  const { clock, timers, network, random } = realWorld;
  const tasks = await testTasks({ device: () => ({ id: who.id, name: who.name }) });
  sessions = new CommandSessions({
    db: record.db,
    clock,
    timers,
    crypto,
    log: SILENT_LOG,
    signer: who.signer,
    link: who.link,
    deviceId: who.id,
    ownerRoot,
    logs,
    policy: given.policy ?? { exec: "owner", browser: "on" },
    kinds: {
      exec: execCommand({ tasks: tasks.tasks, clock, random }),
      shell: new Shells({ ...place, timers, random }),
      capability: capabilityCommand({ timers, capabilities: { find: () => given.capability } }),
      forward: forwardCommand({ clock, timers, network, ports: () => given.ports ?? [] }),
      ...taskCommands(tasks.tasks.desk),
    },
  });
  hub.devices.set(who.id, sessions);
  const show = async (log: OwnerLog): Promise<void> => {
    hubLog.entries = [...log.entries];
    await book.take(log.entries);
  };
  const made = { who, sessions, book, logs, hubLog, tasks, record, show };
  devices.push(made);
  return made;
}

export async function controller(
  hub: TestHub,
  who: Party,
  log: OwnerLog,
): Promise<Controller & { book: OwnerBook }> {
  const record = await stateStore(realWorld);
  const ownerRoot = toBase64Url(log.id);
  const book = new OwnerBook({
    db: record.db,
    crypto,
    hub: new FakeHub(),
    ownerRoot,
    notices: new Notices(),
    log: SILENT_LOG,
  });
  await book.take(log.entries);
  return {
    timers: realWorld.timers,
    crypto,
    signer: who.signer,
    link: who.link,
    hub: hub.portOf(who.signer.publicKey),
    book,
  };
}

export interface Told {
  order: PlacedOrder;
  output: string;
  errors: string;
  accepted: Record<string, unknown> | undefined;
}

export function order<Kind extends SealedKind>(
  from: Controller,
  to: Party,
  wish: Omit<OrderWish<Kind>, "commandId"> & { commandId?: string },
  events: Partial<OrderEvents> = {},
): Told {
  const target: OrderedDevice = {
    id: to.id,
    name: to.name,
    publicKey: to.signer.publicKey,
    linkKey: to.link.linkKey.publicKey,
  };
  const commandId = wish.commandId ?? toBase64Url(crypto.randomBytes(12));
  const placed = new PlacedOrder(
    from,
    target,
    { ...wish, commandId },
    {
      accepted: (facts) => {
        told.accepted = facts;
        events.accepted?.(facts);
      },
      output(channel, bytes) {
        const text = new TextDecoder().decode(bytes);
        if (channel === 1) told.output += text;
        else told.errors += text;
        events.output?.(channel, bytes);
      },
      inputRoom: () => events.inputRoom?.(),
      drain: () => events.drain?.(),
    },
  );
  const told: Told = { order: placed, output: "", errors: "", accepted: undefined };
  return told;
}

export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 4000;
  while (performance.now() < end) {
    if (condition()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  throw new Error("it never came to that");
}

/** The code that a promise was rejected with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    return `resolved: ${JSON.stringify(await promise)}`;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

function memoryStreams(hub: TestHub): [MemoryStream, MemoryStream] {
  const near = new MemoryStream();
  const far = new MemoryStream();
  const carry =
    (from: "controller" | "device", to: MemoryStream) =>
    (bytes: Uint8Array): void => {
      hub.seen.push(bytes);
      hub.tamper(from, bytes, (passed) => queueMicrotask(() => to.receive(passed)));
    };
  near.join(far, carry("controller", far));
  far.join(near, carry("device", near));
  return [near, far];
}
