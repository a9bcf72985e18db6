import { expect, test } from "bun:test";
import { utf8 } from "../protocol/bytes.ts";
import type { DeviceView, FleetView, ShareView } from "../protocol/views.ts";
import { withinSize } from "./fleet-size.ts";

function device(name: string, change: Partial<DeviceView> = {}): DeviceView {
  return {
    id: `id-${name}`,
    name,
    kind: "desktop",
    platform: "linux-x86_64",
    status: "online",
    since: "2026-11-20T12:00:00.000Z",
    last_seen: null,
    agent_version: "0.1.0",
    location: null,
    hostname: null,
    controller: false,
    latency_ms: null,
    health: null,
    services: [],
    capabilities: [],
    ...change,
  };
}

const loud = (models: number): Partial<DeviceView> => ({
  capabilities: [
    {
      protocol: "llm.chat",
      version: "1.0.0",
      class: "compute",
      models: Array.from({ length: models }, () => "m".repeat(100)),
    },
  ],
});
// Of a share the size and whose it is are looked at.
const share = (of: string, text: string) =>
  ({ device_id: `id-${of}`, description: text }) as unknown as ShareView;
const fleet = (devices: DeviceView[], shares: ShareView[] = []): FleetView => ({
  hub: { url: "https://hub.test", id: "hub", version: "0.1.0" },
  devices,
  shares,
});
const size = (view: FleetView): number => utf8(JSON.stringify(view)).length;
const names = (view: FleetView): string[] => view.devices.map(({ name }) => name);

test("a picture that fits is what it was", () => {
  const view = fleet([device("pi", loud(3))]);
  expect(withinSize(view, size(view))).toBe(view);
});

test("who says most is cut short first, and nobody who says little", () => {
  const view = fleet([device("small", loud(1)), device("loud", loud(60)), device("louder", loud(64))]);
  const fitted = withinSize(view, size(view) - 100);
  expect(size(fitted)).toBeLessThan(size(view) - 100);
  expect(fitted.devices.map(({ name, abridged = false }) => [name, abridged])).toEqual([
    ["small", false],
    ["loud", false],
    ["louder", true],
  ]);
  expect(fitted.devices[2]?.capabilities).toBeUndefined();
  expect(withinSize(view, 2000).devices.map(({ abridged = false }) => abridged)).toEqual([false, true, true]);
});

test("then the shares of whoever has most, then those that are away, the longest first", () => {
  const since = (day: number): string => `2026-11-${day}T12:00:00.000Z`;
  const view = fleet(
    [
      device("here"),
      device("gone", { status: "revoked", since: since(19) }),
      device("yesterday", { status: "offline", since: since(19) }),
      device("lastweek", { status: "offline", since: since(12) }),
    ],
    [share("here", "x".repeat(900)), share("yesterday", "x".repeat(50))],
  );
  const quiet = withinSize(view, size(view) - 10);
  expect(quiet.shares.map(({ device_id }) => device_id)).toEqual(["id-yesterday"]);
  expect(names(quiet)).toHaveLength(4);
  const bare = size(fleet(view.devices));
  expect(names(withinSize(view, bare - 10))).toEqual(["here", "yesterday", "lastweek"]);
  expect(names(withinSize(view, bare - 300))).toEqual(["here", "yesterday"]);
  expect(names(withinSize(view, 500))).toEqual(["here"]);
});

test("any picture fits in the end", () => {
  const view = fleet(Array.from({ length: 500 }, (_, at) => device(`d${at}`, loud(at % 20))));
  for (const max of [1_000_000, 100_000, 10_000])
    expect(size(withinSize(view, max))).toBeLessThanOrEqual(max);
});
