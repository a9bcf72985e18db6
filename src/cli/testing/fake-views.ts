// What stands in a fleet of transcripts: each view whole, but for what a test says of it.

import type { FileSendView } from "../../protocol/local-peers.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import type { DeviceView, ShareView } from "../../protocol/views.ts";
import { STARTED_AT } from "./fake-timers.ts";

export const HUB_URL = "http://localhost:8080";
export const DEVICE_ID = "k3x9q2a-mm4pz7c-bbq6tu5-w2jhd4n".replaceAll("9", "f");

export type PeerView = LocalResponse<"peers">["peers"][number];

export function shareView(over: Partial<ShareView> & { name: string }): ShareView {
  const url = `http://${over.name}.localhost:8080/`;
  return {
    id: "s1k2m9x4",
    kind: "app",
    state: "running",
    url,
    access: "password",
    device_id: DEVICE_ID,
    device_name: "laptop",
    description: null,
    created_at: ago(60_000),
    expires_at: null,
    proof: { state: "live", checked_at: ago(3_000), latency_ms: 41, reason: null },
    links: [{ kind: "hub", url, state: "live" }],
    stable: true,
    ...over,
  };
}

export function deviceView(over: Partial<DeviceView> & { name: string }): DeviceView {
  return {
    id: "abcdefg-hijklmn-opqrstu-vwxyz23",
    kind: "laptop",
    platform: "linux-x86_64",
    status: "online",
    since: ago(2 * 3_600_000),
    last_seen: ago(1_000),
    agent_version: "0.1.0",
    location: null,
    hostname: null,
    controller: false,
    latency_ms: 2,
    health: null,
    ...over,
  };
}

export function peerView({ name, verified = false }: { name: string; verified?: boolean }): PeerView {
  return {
    id: "abcdefg-hijklmn-opqrstu-vwxyz23",
    name,
    nickname: "phone",
    kind: "laptop",
    safety: "apple river stone cloud lamp",
    trust: verified ? "compared" : "paired",
    state: "paired",
    since: ago(0),
  };
}

export function sendView(change: Partial<FileSendView>): FileSendView {
  return {
    id: "k3x9q2a1",
    to: "desk",
    name: "film.mkv",
    size: 2_000_000,
    bytes: 0,
    state: "queued",
    ...change,
  };
}

export function ago(ms: number): string {
  return new Date(STARTED_AT - ms).toISOString();
}
