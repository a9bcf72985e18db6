import { expect, test } from "bun:test";
import type { TrunkClosed } from "./closing.ts";
import type { TrunkStream, TrunkStreamEvents } from "./stream.ts";
import { FakeTime, pipe } from "./testing.ts";
import { Trunk } from "./trunk.ts";

test("bytes written at one end arrive at the other, and the answer comes back with a last word", () => {
  const time = new FakeTime();
  const [hubPipe, agentPipe] = pipe(time);
  const got: string[] = [];
  const say = (text: string): Uint8Array => new TextEncoder().encode(text);
  const events = {
    opened: (): TrunkStreamEvents => ({ data() {}, drain() {}, end() {}, close() {} }),
    message: () => undefined,
    goaway: () => undefined,
    closed: (closed: TrunkClosed) => void got.push(closed.code),
  };
  const hub = new Trunk({ role: "hub", stream: hubPipe, timers: time, clock: time, events });
  const agent = new Trunk({
    role: "agent",
    stream: agentPipe,
    timers: time,
    clock: time,
    events: {
      ...events,
      opened: (stream: TrunkStream, payload) => {
        got.push(`open ${new TextDecoder().decode(payload)}`);
        return {
          data: (bytes) => {
            stream.write(bytes);
            stream.finish(say("200"));
          },
          drain() {},
          end: () => void got.push("agent end"),
          close: () => void got.push("agent close"),
        };
      },
    },
  });
  hubPipe.events = hub.wire;
  agentPipe.events = agent.wire;
  const stream = hub.open(say("web"), {
    data: (bytes) => void got.push(new TextDecoder().decode(bytes)),
    drain() {},
    end: (payload) => void got.push(`end ${new TextDecoder().decode(payload)}`),
    close: () => void got.push("hub close"),
  });
  if (typeof stream === "string") throw new Error(stream);
  expect(stream.write(say("hello"))).toBe(5);
  time.settle();
  stream.shutdown();
  time.settle();
  expect(got).toEqual(["open web", "hello", "end 200", "hub close", "agent end", "agent close"]);
});
