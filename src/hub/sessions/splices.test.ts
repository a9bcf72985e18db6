import { expect, test } from "bun:test";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import type { Actor } from "../../protocol/actors.ts";
import { encodeFileWish, readSessionCall, SESSION_RESET } from "../../protocol/session-open.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import { RelayDesk } from "../relay/relay-desk.ts";
import type { Session } from "./session.ts";
import { Splices } from "./splices.ts";

const [ANNA, BEN, CAROL, EVE] = [1, 2, 4, 3].map((byte) => toBase64Url(new Uint8Array(32).fill(byte))) as [
  string,
  string,
  string,
  string,
]; // four were made

class TestStream implements TrunkStream {
  readonly id = 1;
  readonly resets: number[] = [];
  readonly written: Uint8Array[] = [];
  write = (bytes: Uint8Array): number => this.written.push(bytes) && bytes.length;
  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  finish(): void {}
  flag(): void {}
  close(): void {}
  reset(code: number): void {
    this.resets.push(code);
  }
}

interface Far {
  payload: Uint8Array;
  events: TrunkStreamEvents;
  stream: TestStream;
}

/** A session of a key, and the streams that the hub opens to it. */
function client(key: string, kind: "register" | "guest" | "attach" = "register") {
  const opened: Far[] = [];
  const roles = new Map();
  const actor = (
    kind === "register" ? { kind, deviceKey: key, deviceId: key, roles } : { kind, key, roles }
  ) as Actor; // as the door makes it
  const open = (payload: Uint8Array, events: TrunkStreamEvents): TestStream => {
    const stream = new TestStream();
    opened.push({ payload, events, stream });
    return stream;
  };
  const facts = { kind, publicKey: fromBase64Url(key), deviceId: key };
  const session = { key, actor, facts, leaving: false, trunk: { open }, send: () => true };
  // As small as what the two use of it.
  return { session: session as unknown as Session, opened };
}

/** A hub where Anna and Carol are paired with Ben. `removed` is when the row of a pair is gone. */
function relayOf(here: readonly Session[], removed: Promise<boolean> = Promise.resolve(true)) {
  const paired = new Set([`${ANNA} ${BEN}`, `${BEN} ${ANNA}`, `${BEN} ${CAROL}`, `${CAROL} ${BEN}`]);
  const relay = new RelayDesk({
    clock: { now: () => 0, monotonic: () => 0 },
    pairs: {
      has: (one: string, other: string) => paired.has(`${one} ${other}`),
      peersOf: () => [],
      remove: (one: string, other: string) => {
        for (const pair of [`${one} ${other}`, `${other} ${one}`]) paired.delete(pair);
        return removed;
      },
    },
    mailboxes: { missedBy: () => [] },
    relay: { joined: () => {}, dropBetween: () => Promise.resolve() },
    audit: { record: () => Promise.resolve() },
  } as unknown as ConstructorParameters<typeof RelayDesk>[0]); // what a stream asks of it
  for (const session of here) relay.joined(session);
  return relay;
}

function splicesOf(relay: RelayDesk): Splices {
  const parts = { directory: { device: () => undefined }, devices: { byId: () => undefined }, pairs: relay };
  return new Splices(parts as unknown as ConstructorParameters<typeof Splices>[0]);
}

const hub = (...here: Session[]): Splices => splicesOf(relayOf(here));

function wish(splices: Splices, from: Session, to: string) {
  const stream = new TestStream();
  return { stream, events: splices.open(from, stream, encodeFileWish(to)) };
}

test("a file's stream leads to the paired device, which is told the proven key, and bytes pass", () => {
  const [anna, ben] = [client(ANNA), client(BEN, "guest")];
  const { stream, events } = wish(hub(anna.session, ben.session), anna.session, BEN);
  const [far] = ben.opened;
  expect(readSessionCall(far?.payload ?? new Uint8Array(0))).toEqual({
    purpose: "file",
    callerKey: new Uint8Array(32).fill(1),
  });
  events.data(Uint8Array.of(7));
  far?.events.data(Uint8Array.of(8));
  expect([far?.stream.written, stream.written]).toEqual([[Uint8Array.of(7)], [Uint8Array.of(8)]]);
  // The device's own refusal reaches the caller.
  far?.events.reset?.(SESSION_RESET.unknownCaller);
  expect(stream.resets).toEqual([SESSION_RESET.unknownCaller]);
});

test("the end of a pairing cuts what is open between the two, both ways and nothing else", async () => {
  const [anna, ben, carol] = [client(ANNA), client(BEN), client(CAROL)];
  const relay = relayOf([anna.session, ben.session, carol.session]);
  const splices = splicesOf(relay);
  const [toBen, toAnna] = [wish(splices, anna.session, BEN), wish(splices, ben.session, ANNA)];
  const others = wish(splices, carol.session, BEN);
  const over = wish(splices, anna.session, BEN);
  over.events.close();
  ben.opened.at(-1)?.events.close();
  const [ofAnna, ofCarol] = ben.opened;
  await relay.handle(anna.session, { type: "unpair", id: "1", peer: BEN });
  const ended = [SESSION_RESET.unknownDevice];
  expect([toBen.stream.resets, ofAnna?.stream.resets]).toEqual([ended, ended]);
  expect([toAnna.stream.resets, anna.opened[0]?.stream.resets]).toEqual([ended, ended]);
  expect([others.stream.resets, ofCarol?.stream.resets, over.stream.resets]).toEqual([[], [], []]);
  expect(wish(splices, anna.session, BEN).stream.resets).toEqual(ended);
});

test("it is cut at once, though the database is slow or fails", async () => {
  const [anna, ben] = [client(ANNA), client(BEN)];
  const failing = Promise.withResolvers<boolean>();
  const relay = relayOf([anna.session, ben.session], failing.promise);
  const splices = splicesOf(relay);
  const { stream } = wish(splices, anna.session, BEN);
  const unpaired = relay.handle(ben.session, { type: "unpair", id: "1", peer: ANNA });
  expect(stream.resets).toEqual([SESSION_RESET.unknownDevice]);
  failing.reject(new Error("no disk"));
  expect(await unpaired.catch(String)).toBe("Error: no disk");
});

test("a device that is not there is told as that, to those who are paired with it alone", () => {
  const [anna, eve] = [client(ANNA), client(EVE)];
  const splices = hub(anna.session, eve.session);
  expect(wish(splices, anna.session, BEN).stream.resets).toEqual([SESSION_RESET.offline]);
  // Whether it is there, and whether there is such a key, is one answer for everybody else.
  const ben = client(BEN);
  const withBen = hub(anna.session, eve.session, ben.session);
  for (const to of [BEN, ANNA, EVE, toBase64Url(new Uint8Array(32).fill(9))]) {
    expect(wish(withBen, eve.session, to).stream.resets).toEqual([SESSION_RESET.unknownDevice]);
  }
  expect(ben.opened).toEqual([]);
});

test("a session that only commands has no files", () => {
  const [anna, ben] = [client(ANNA, "attach"), client(BEN)];
  const splices = hub(anna.session, ben.session);
  expect(wish(splices, anna.session, BEN).stream.resets).toEqual([SESSION_RESET.unknownDevice]);
});
