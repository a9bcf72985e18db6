import { expect, test } from "bun:test";
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { parseRequestHead } from "../../http1/request-head.ts";
import { OFFLINE_HOLD_MS } from "../../protocol/limits.ts";
import { RESET } from "../../trunk/frame.ts";
import { bytesOf, joinTrunks, textOf, type TrunkPair } from "../../trunk/testing-trunks.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { Directory } from "../sessions/directory.ts";
import { Session, type SessionFacts } from "../sessions/session.ts";
import { visitShare, type ShareFailure } from "./share-exchange.ts";

const DEVICE = "a-device";

/** A hub with one device, whose end of the trunk does with each stream what the test says. */
class Scene {
  /** Of the hub's hold. */
  readonly time = new FakeTime();
  readonly directory = new Directory(this.time, { joined() {}, left() {} });
  readonly failures: ShareFailure[] = [];
  answered = "";

  /** A session of the device that takes the place of the one before. */
  connect(react: (pair: TrunkPair, attempt: number) => void): { pair: TrunkPair; session: Session } {
    const pair = joinTrunks();
    const { log } = pair.agent;
    log.accept = (_stream, stream) => {
      pair.time.soon(() => react(pair, log.streams.length));
      return stream;
    };
    const facts: SessionFacts = {
      kind: "register",
      publicKey: new Uint8Array(32),
      deviceId: DEVICE,
      name: "a device",
      about: { platform: "linux-x86_64", kind: "vps", version: "0.1.0" },
      address: "192.0.2.1",
      sinceMs: 0,
    };
    const session = new Session(facts, pair.hub.trunk, () => ({ kind: "anonymous", address: "192.0.2.1" }));
    this.directory.add(session);
    return { pair, session };
  }

  ask(text: string): ExchangeEvents {
    const request = parseRequestHead(bytesOf(text));
    if (request.kind !== "request") throw new Error(`no request: ${request.kind}`);
    const told = { events: undefined as ExchangeEvents | undefined };
    const write = (bytes: Uint8Array): number => {
      this.answered += textOf(bytes);
      return bytes.length;
    };
    const exchange: Exchange = {
      request,
      get started() {
        return false;
      },
      keepAlive: true,
      receive: (events) => (told.events = events),
      write,
      finish() {},
      respond() {},
      upgrade() {},
      handOver: () => false,
      shutdown() {},
      abort() {},
      pauseBody() {},
      resumeBody() {},
    };
    const door = {
      directory: this.directory,
      fail: (_visit: unknown, failure: ShareFailure) => void this.failures.push(failure),
      done() {},
    };
    const share = { deviceId: DEVICE, shareId: "a-share" };
    const first = visitShare(door, {
      share,
      exchange,
      visitor: "198.51.100.7",
      https: false,
      secure: false,
      requestId: "r1",
    });
    // Whoever is told now: the exchange may have been handed on.
    return { ...first, body: (bytes) => (told.events ?? first).body(bytes) };
  }
}

const GET = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 2\r\n\r\n";

const answer = ({ agent }: TrunkPair): void => {
  agent.log.streams.at(-1)?.stream.write(bytesOf("HTTP/1.1 200 OK\r\n\r\n"));
};
const reset =
  (code: number) =>
  ({ agent }: TrunkPair): void => {
    agent.log.streams.at(-1)?.stream.reset(code);
  };

test("a GET whose stream alone was reset is asked again at once, over the same session", () => {
  const scene = new Scene();
  const { pair } = scene.connect((now, attempt) =>
    attempt === 1 ? reset(RESET.internal)(now) : answer(now),
  );
  scene.ask(GET);
  pair.time.settle();
  expect(pair.agent.log.streams).toHaveLength(2);
  expect([scene.answered, scene.failures]).toEqual(["HTTP/1.1 200 OK\r\n\r\n", []]);
});

test("one that is reset again fails at once", () => {
  const scene = new Scene();
  const { pair } = scene.connect(reset(RESET.internal));
  scene.ask(GET);
  pair.time.settle();
  expect(pair.agent.log.streams).toHaveLength(2);
  expect(scene.failures).toEqual(["device_lost"]);
});

test("a POST that the device may have begun is not asked again", () => {
  const scene = new Scene();
  const { pair } = scene.connect(reset(RESET.internal));
  scene.ask(POST);
  pair.time.settle();
  expect(pair.agent.log.streams).toHaveLength(1);
  expect(scene.failures).toEqual(["device_lost"]);
});

test("a POST that the device never looked at is held for its next session", () => {
  const scene = new Scene();
  const { pair, session } = scene.connect(reset(RESET.refused));
  scene.ask(POST);
  // Its goaway crosses the request.
  session.leaving = true;
  pair.time.settle();
  expect(scene.failures).toEqual([]);
  const next = scene.connect(answer);
  next.pair.time.settle();
  expect([scene.answered, scene.failures]).toEqual(["HTTP/1.1 200 OK\r\n\r\n", []]);
});

test("what was refused is not sent twice when its body has gone", () => {
  const scene = new Scene();
  const { pair } = scene.connect(reset(RESET.refused));
  scene.ask(POST).body(bytesOf("hi"));
  pair.time.settle();
  expect(pair.agent.log.streams).toHaveLength(1);
  expect(scene.failures).toEqual(["device_busy"]);
});

test("a device that refuses one stream after the other is busy", () => {
  const scene = new Scene();
  const { pair } = scene.connect(reset(RESET.refused));
  scene.ask(GET);
  pair.time.settle();
  expect(pair.agent.log.streams).toHaveLength(2);
  expect(scene.failures).toEqual(["device_busy"]);
});

test("a GET whose whole trunk was lost waits for the next session, and no longer than the hold", () => {
  const scene = new Scene();
  const { pair, session } = scene.connect(() => pair.hub.trunk.close("dead", "silence"));
  scene.ask(GET);
  scene.directory.remove(session);
  pair.time.settle();
  scene.time.advance(OFFLINE_HOLD_MS - 1);
  expect(scene.failures).toEqual([]);
  scene.time.advance(1);
  expect(scene.failures).toEqual(["device_offline"]);
});
