// A library that does what a test says, and conversations in memory.
import type { MadeCode, PairedDevice, Peer, ReceivedMessage, SentState } from "../../../src/client/peer.ts";
import { MusterError } from "../../../src/protocol/errors.ts";
import type { TalkItem } from "./peers-state.ts";
import type { TalkStore } from "./talk-store.ts";

export const NOW = Date.parse("2026-11-20T12:00:00.000Z");

export function device(petname: string, part: Partial<PairedDevice> = {}): PairedDevice {
  return {
    id: `${petname}-id`,
    key: `${petname}-key`,
    petname,
    nickname: petname,
    kind: "laptop",
    safetyWords: "able baby cake dance earth",
    compared: false,
    state: "paired",
    since: NOW,
    ...part,
  };
}

export function talkItem(part: Partial<TalkItem> = {}): TalkItem {
  return {
    id: "m1",
    peer: "pi-key",
    name: "pi",
    from: "peer",
    at: NOW,
    body: { kind: "text", text: "hello" },
    state: null,
    unread: false,
    ...part,
  };
}

export function memoryTalks(kept: TalkItem[] = []): TalkStore & { items: Map<string, TalkItem> } {
  const keyOf = ({ peer, from, id }: TalkItem): string => `${peer} ${from} ${id}`;
  const items = new Map(kept.map((item) => [keyOf(item), item]));
  const files = new Map<string, Uint8Array | Blob>();
  return {
    items,
    all: async () => [...items.values()].toSorted((one, other) => one.at - other.at),
    async put(item, bytes) {
      items.set(keyOf(item), item);
      if (bytes !== undefined) files.set(keyOf(item), bytes);
    },
    bytes: async (item) => files.get(keyOf(item)),
    async remove(gone) {
      for (const item of gone) items.delete(keyOf(item));
    },
  };
}

export interface FakePeer {
  peer: Peer;
  devices: PairedDevice[];
  states: Map<string, SentState>;
  offer: { resolve(made: PairedDevice): void; reject(problem: MusterError): void };
  cancelled: number;
  joined: string[];
  /** What `join` does. */
  join: (code: string) => Promise<PairedDevice>;
  change(): void;
  receive(message: ReceivedMessage): Promise<void>;
}

export function fakePeer(devices: PairedDevice[] = []): FakePeer {
  const listeners = new Set<() => void>();
  let handler: ((message: ReceivedMessage) => Promise<void> | void) | undefined;
  let sent = 0;
  const unused = (): never => {
    throw new Error("no test needs this");
  };
  const edit = (key: string, part: Partial<PairedDevice>): PairedDevice => {
    const at = fake.devices.findIndex((one) => one.key === key);
    const found = fake.devices[at];
    if (found === undefined) throw new MusterError("not_found", "this device is not paired with it");
    const changed = { ...found, ...part };
    fake.devices = fake.devices.with(at, changed);
    return changed;
  };
  const fake: FakePeer = {
    devices,
    states: new Map(),
    offer: { resolve: unused, reject: unused },
    cancelled: 0,
    joined: [],
    join: unused,
    change: () => listeners.forEach((listener) => listener()),
    receive: async (message) => handler?.(message),
    peer: {
      id: "own-id",
      key: "own-key",
      async pair(): Promise<MadeCode> {
        const { promise, resolve, reject } = Promise.withResolvers<PairedDevice>();
        fake.offer = { resolve, reject };
        const cancel = (): void => {
          fake.cancelled += 1;
          reject(new MusterError("pairing_failed", "That did not finish. Make a new code."));
        };
        const link = "https://hub.example/pair#K7.AAAAAAAAAAAAAAAAAAAAAA.own-id";
        return { code: "K7-Q2MX", link, expiresAt: NOW + 300_000, done: promise, cancel };
      },
      async join(code) {
        fake.joined.push(code);
        return fake.join(code);
      },
      find: unused,
      peers: async () => fake.devices,
      setPetname: async (key, petname) => edit(key, { petname }),
      verified: async (key) => edit(key, { compared: true }),
      async unpair(key) {
        fake.devices = fake.devices.filter((one) => one.key !== key);
      },
      async send() {
        sent += 1;
        return { id: `sent${sent}`, state: "queued" };
      },
      async sent(id) {
        const state = fake.states.get(id);
        return state === undefined ? undefined : { id, state };
      },
      delivered: unused,
      onMessage(next) {
        handler = next;
        return () => (handler = undefined);
      },
      received: unused,
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      notices: () => [],
      openStream: unused,
      onStream: unused,
      openHubStream: unused,
      close() {},
    },
  };
  return fake;
}
