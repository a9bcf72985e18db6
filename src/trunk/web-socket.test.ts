import { describe, expect, test } from "bun:test";
import { MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import { encodeFrame, FRAME } from "./frame.ts";
import { FakeTime } from "./testing.ts";
import { bytesOf, openStream, StreamLog, textOf, TrunkLog } from "./testing-trunks.ts";
import { Trunk } from "./trunk.ts";
import { BUFFERED_MAX_BYTES, WebSocketWire } from "./web-socket.ts";

/** One end of a WebSocket in memory. Messages are delivered by `settle`. */
class FakeWebSocket {
  far: FakeWebSocket | undefined;
  readonly sent: (string | Uint8Array)[] = [];
  bufferedAmount = 0;
  /** Unsent bytes stay. */
  stalled = false;
  closedWith: [number | undefined, string | undefined] | undefined;
  onMessage: (data: string | Uint8Array) => void = () => undefined;
  onClose: () => void = () => undefined;
  readonly #time: FakeTime;

  constructor(time: FakeTime) {
    this.#time = time;
  }

  send(data: string | Uint8Array): void {
    const copy = typeof data === "string" ? data : data.slice();
    this.sent.push(copy);
    if (this.stalled) this.bufferedAmount += data.length;
    else this.#time.soon(() => this.far?.onMessage(copy));
  }

  close(code?: number, reason?: string): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = [code, reason];
    this.#time.soon(() => {
      this.onClose();
      this.far?.close(code, reason);
    });
  }
}

function makeEnd(role: "hub" | "agent", time: FakeTime) {
  const socket = new FakeWebSocket(time);
  const wire = new WebSocketWire(socket, time);
  const log = new TrunkLog();
  const trunk = new Trunk({ role, stream: wire, timers: time, clock: time, events: log });
  wire.attach(trunk.wire);
  socket.onMessage = (data) => wire.message(data);
  socket.onClose = () => wire.closed();
  return { socket, wire, log, trunk };
}

function joinWebSockets() {
  const time = new FakeTime();
  const hub = makeEnd("hub", time);
  const agent = makeEnd("agent", time);
  hub.socket.far = agent.socket;
  agent.socket.far = hub.socket;
  time.settle();
  return { time, hub, agent };
}

describe("over a WebSocket", () => {
  test("streams work as over any connection", () => {
    const { time, hub, agent } = joinWebSockets();
    agent.log.accept = (stream, log) => {
      log.onEvent = (event) => {
        if (event === "end") stream.finish(bytesOf("200"));
      };
      return log;
    };
    const near = openStream(hub, "web");
    near.stream.write(bytesOf("hello"));
    near.stream.shutdown();
    time.settle();
    expect(agent.log.streams[0]?.log.text).toBe("hello");
    expect(near.log.told).toEqual(["end 200", "close"]);
  });

  test("a message is one text message, whatever its size and between whichever frames", () => {
    const { time, hub, agent } = joinWebSockets();
    const long = `{"text":"${"é€😀".repeat(20_000)}"}`;
    expect(bytesOf(long).length).toBeLessThan(MESSAGE_MAX_BYTES);
    hub.socket.sent.length = 0;
    let received = "";
    agent.log.message = (bytes) => void (received += textOf(bytes));
    const near = openStream(hub);
    hub.trunk.message(bytesOf('{"n":1}'));
    near.stream.write(bytesOf("x"));
    hub.trunk.message(bytesOf(long));
    time.settle();
    const texts = hub.socket.sent.filter((data) => typeof data === "string");
    expect(texts).toEqual(['{"n":1}', long]);
    expect(received).toBe(`{"n":1}${long}`);
    expect(agent.log.streams[0]?.log.text).toBe("x");
  });

  test("every binary message is a sequence of whole frames", () => {
    const { time, hub } = joinWebSockets();
    const near = openStream(hub);
    near.stream.write(new Uint8Array(60_000));
    hub.trunk.message(bytesOf("{}"));
    near.stream.shutdown();
    time.settle();
    const binary = hub.socket.sent.filter((data) => typeof data !== "string");
    expect(binary.length).toBeGreaterThan(1);
    for (const bytes of binary) {
      let at = 0;
      while (at < bytes.length) at += 8 + (new DataView(bytes.buffer).getUint32(at + 4) & 0xff_ff_ff);
      expect(at).toBe(bytes.length);
    }
  });

  test("a client that cannot send fast enough is asked until it has room, and streams go on", () => {
    const { time, hub, agent } = joinWebSockets();
    const near = openStream(hub);
    time.settle();
    hub.socket.bufferedAmount = BUFFERED_MAX_BYTES + 1;
    near.stream.write(bytesOf("waits"));
    time.advance(1_000);
    expect(agent.log.streams[0]?.log.text).toBe("");
    expect(near.stream.write(bytesOf("x"))).toBe(0);
    hub.socket.bufferedAmount = 0;
    time.advance(10);
    expect(agent.log.streams[0]?.log.text).toBe("waits");
    expect(near.log.drains).toBe(1);
  });

  test("a server's WebSocket that says it is full waits to be told of room", () => {
    const time = new FakeTime();
    const results: number[] = [];
    const sent: unknown[] = [];
    const socket = {
      send(data: unknown): number {
        sent.push(data);
        return results.shift() ?? 1;
      },
      close() {},
    };
    const wire = new WebSocketWire(socket, time);
    const told = new StreamLog();
    wire.attach(told);
    const frame = encodeFrame(FRAME.flag, 1, new Uint8Array(1));
    results.push(-1);
    expect(wire.write(frame)).toBe(frame.length);
    expect(wire.write(frame)).toBe(0);
    time.advance(1_000);
    expect(told.drains).toBe(0);
    wire.drained();
    expect(told.drains).toBe(1);
    expect(wire.write(frame)).toBe(frame.length);
    results.push(0);
    wire.write(frame);
    // Dropped: the connection is of no more use.
    expect(wire.write(frame)).toBe(-1);
    expect(sent).toHaveLength(3);
  });

  test("closing tells the far side why and ends the WebSocket", () => {
    const { time, hub, agent } = joinWebSockets();
    hub.trunk.close("superseded", "a newer session");
    time.settle();
    expect(agent.log.endedBy).toMatchObject({ code: "superseded", remote: true });
    expect(hub.socket.closedWith?.[0]).toBe(4409);
    time.advance(10_000);
    expect(time.pendingTimers).toBe(0);
  });
});

describe("a far side that breaks the form is refused:", () => {
  test("a frame cut by the end of a binary message", () => {
    const { hub, time } = joinWebSockets();
    hub.wire.message(encodeFrame(FRAME.flag, 1, new Uint8Array(5)).subarray(0, 9));
    time.settle();
    expect(hub.socket.closedWith?.[0]).toBe(4400);
    expect(hub.log.code).toBe("lost");
  });

  test("an unknown frame", () => {
    const { hub } = joinWebSockets();
    hub.wire.message(encodeFrame(77, 1, new Uint8Array(5)).buffer as ArrayBuffer); // made just now
    expect(hub.log.code).toBe("protocol_error");
  });

  test("a text message above the bound", () => {
    const { hub } = joinWebSockets();
    hub.wire.message("x".repeat(MESSAGE_MAX_BYTES + 1));
    expect(hub.log.code).toBe("too_large");
    const other = joinWebSockets();
    other.hub.wire.message("x".repeat(2_000_000));
    expect(other.hub.socket.closedWith?.[0]).toBe(4413);
  });
});
