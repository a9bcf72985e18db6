import { expect, test } from "bun:test";
import { deviceView, fleetView, shareView } from "./views.ts";

const DEVICE = {
  id: "aaaaaaa-bbbbbbb-ccccccc-ddddddd",
  name: "pi",
  kind: "raspberry_pi",
  platform: "linux-arm64",
  status: "stale",
  since: null,
  last_seen: "2026-10-01T08:00:00.000Z",
  agent_version: "0.1.0",
  location: null,
  hostname: null,
  controller: false,
  latency_ms: null,
  health: null,
};
const SHARE = {
  id: "k3xpq2aa",
  name: "docs",
  kind: "page",
  state: "running",
  url: "https://docs.example.com/",
  access: "public",
  device_id: DEVICE.id,
  device_name: "pi",
  description: null,
  created_at: "2026-10-01T08:00:00.000Z",
  expires_at: null,
  proof: { state: "live", checked_at: "2026-10-01T08:00:00.000Z", latency_ms: 4, reason: null },
  links: [{ kind: "quick", url: "https://docs.example.com/", state: "live" }],
  stable: true,
};

test("what is known is read as it was written", () => {
  expect(deviceView.parse(DEVICE)).toEqual(deviceView.parse({ ...DEVICE, more: "from a newer hub" }));
  expect(deviceView.parse(DEVICE)).toMatchObject({ ...DEVICE });
  expect(shareView.parse(SHARE)).toMatchObject({ ...SHARE });
});

test("a newer hub's words read as what claims the least, and the rest of the picture stands", () => {
  const word = "known-to-newer-hubs";
  const fleet = {
    hub: { url: "https://example.com", id: "hub", version: "9.0.0" },
    devices: [{ ...DEVICE, kind: word, status: word }, DEVICE],
    shares: [
      {
        ...SHARE,
        kind: word,
        state: word,
        access: word,
        proof: { ...SHARE.proof, state: word },
        links: [{ ...SHARE.links[0], kind: word, state: word }],
      },
    ],
  };
  const { devices, shares } = fleetView.parse(fleet);
  const service = {
    name: "ssh",
    service_type: word,
    local_port: 22,
    state: "up",
    checked_at: null,
    reason: null,
  };
  expect(deviceView.parse({ ...DEVICE, services: [service] }).services).toBeUndefined();
  expect(devices.map(({ kind, status }) => [kind, status])).toEqual([
    ["desktop", "offline"],
    ["raspberry_pi", "stale"],
  ]);
  expect(shares[0]).toMatchObject({
    kind: "app",
    state: "waiting",
    access: "login",
    proof: { state: "unknown" },
    links: [{ kind: "hub", state: "unknown" }],
  });
});
