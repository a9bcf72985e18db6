import { expect, test } from "bun:test";
import type { NetworkInterface } from "../../world/world.ts";
import { LOOK_EVERY_MS, watchMachine } from "./machine-watch.ts";

function machine() {
  const state = {
    wallMs: 1e12,
    monotonicMs: 0,
    route: "eth0 10.0.0.1",
    interfaces: [] as NetworkInterface[],
  };
  let look = () => {};
  const world = {
    clock: { now: () => state.wallMs, monotonic: () => state.monotonicMs },
    timers: {
      after: () => ({ cancel() {} }),
      every: (_periodMs: number, run: () => void) => {
        look = run;
        return { cancel: () => (look = () => {}) };
      },
      soon() {},
    },
    network: { interfaces: () => state.interfaces, defaultRoute: () => state.route },
  };
  const happened: string[] = [];
  const stop = watchMachine(world, (event) => happened.push(event));
  const pass = (wallMs: number, monotonicMs = wallMs) => {
    state.wallMs += wallMs;
    state.monotonicMs += monotonicMs;
    look();
  };
  return { state, happened, pass, stop };
}

test("nothing is said while time passes as it should", () => {
  const { happened, pass } = machine();
  for (let second = 0; second < 100; second += 1) pass(LOOK_EVERY_MS + (second % 7) * 100);
  expect(happened).toEqual([]);
});

test("sleep shows as wall time running ahead of the monotonic clock", () => {
  const { happened, pass } = machine();
  pass(3600_000, LOOK_EVERY_MS);
  pass(LOOK_EVERY_MS);
  expect(happened).toEqual(["woke"]);
});

test("a stopped process shows as a timer that comes seconds late", () => {
  const { happened, pass } = machine();
  pass(LOOK_EVERY_MS + 3500);
  expect(happened).toEqual(["woke"]);
});

test("a new address and a moved default route are a network change, loopback is not", () => {
  const { state, happened, pass, stop } = machine();
  state.interfaces = [{ name: "lo", address: "127.0.0.2", internal: true }];
  pass(LOOK_EVERY_MS);
  state.interfaces = [{ name: "wlan0", address: "192.168.1.7", internal: false }];
  pass(LOOK_EVERY_MS);
  state.route = "tun0 10.8.0.1";
  pass(LOOK_EVERY_MS);
  stop();
  state.route = "none";
  pass(LOOK_EVERY_MS);
  expect(happened).toEqual(["network_changed", "network_changed"]);
});
