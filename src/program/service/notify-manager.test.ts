import { expect, test } from "bun:test";
import { notifyManager } from "./notify-manager.ts";

function manager() {
  const told: string[] = [];
  const pulses: { periodMs: number; run(): void; cancelled: boolean }[] = [];
  return {
    told,
    pulses,
    parts: {
      pid: 7,
      open: async () => (message: string) => told.push(message) > 0,
      timers: {
        every(periodMs: number, run: () => void) {
          const pulse = { periodMs, run, cancelled: false };
          pulses.push(pulse);
          return { cancel: () => void (pulse.cancelled = true) };
        },
      },
    },
  };
}

test("the manager hears of readiness, of life in half its patience, and of the end", async () => {
  const { told, pulses, parts } = manager();
  const notices = await notifyManager(
    { NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" },
    parts,
  );
  expect(pulses.map((pulse) => pulse.periodMs)).toEqual([15_000]);
  notices.ready("agent of\npi");
  pulses[0]?.run();
  notices.stopping();
  expect(told).toEqual(["READY=1\nSTATUS=agent of pi", "WATCHDOG=1", "STOPPING=1"]);
  expect(pulses[0]?.cancelled).toBe(true);
});

test("a watchdog of another process is not fed", async () => {
  const { pulses, parts } = manager();
  await notifyManager({ NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, parts);
  await notifyManager({ NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "soon" }, parts);
  expect(pulses).toEqual([]);
});

test("without a manager nothing is opened", async () => {
  const { told, parts } = manager();
  const notices = await notifyManager({}, parts);
  notices.ready("here");
  notices.stopping();
  expect(told).toEqual([]);
});
