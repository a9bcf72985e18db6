// A small fleet for the tests of this folder.
import type { DeviceView, FleetView, ShareView } from "../../../src/protocol/views.ts";

export const NOW = Date.parse("2026-11-20T12:00:00.000Z");

export function secondsAgo(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

export function device(name: string, part: Partial<DeviceView> = {}): DeviceView {
  return {
    id: name,
    name,
    kind: "laptop",
    platform: "linux-x64",
    status: "online",
    since: secondsAgo(60),
    last_seen: secondsAgo(1),
    agent_version: null,
    location: null,
    hostname: null,
    controller: false,
    latency_ms: 4,
    health: null,
    ...part,
  };
}

export function share(name: string, on: string, part: Partial<ShareView> = {}): ShareView {
  return {
    id: `share-${name}`,
    name,
    kind: "page",
    state: "running",
    url: `http://${name}.localhost:8080/`,
    access: "password",
    device_id: on,
    device_name: on,
    description: null,
    created_at: secondsAgo(600),
    expires_at: null,
    proof: { state: "live", checked_at: secondsAgo(3), latency_ms: 41, reason: null },
    links: [],
    stable: true,
    ...part,
  };
}

export function fleet(devices: DeviceView[], shares: ShareView[] = []): FleetView {
  return { hub: { url: "http://localhost:8080", id: "hub", version: "0.1.0" }, devices, shares };
}
