// Fleets to look at: for screenshots and browser tests only.
import type { ServiceView } from "../../src/protocol/services.ts";
import type { DeviceView, FleetView, ShareView } from "../../src/protocol/views.ts";

const GB = 1e9;

export interface Own {
  deviceId: string;
  hubUrl: string;
  nowMs: number;
}

const ago = (nowMs: number, seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
const host = (hubUrl: string, name: string): string =>
  hubUrl.replace("muster.localhost", `${name}.localhost`);

export function emptyFleet(own: Own): FleetView {
  return { hub: hubOf(own), devices: [ownDevice(own)], shares: [] };
}

export function fullFleet(own: Own): FleetView {
  const { nowMs, hubUrl } = own;
  const device = (
    n: number,
    part: Partial<DeviceView> & Pick<DeviceView, "name" | "kind" | "platform">,
  ): DeviceView => ({
    id: exampleId(n),
    status: "online",
    since: ago(nowMs, 3600 * n),
    last_seen: ago(nowMs, 2),
    agent_version: "0.1.0",
    location: null,
    hostname: `${part.name}.example.net`,
    controller: false,
    latency_ms: 7 * n,
    health: {
      uptime_s: 86_400 * n,
      load_1m: 0.3 * n,
      cpus: 4,
      memory_used: (3 + n / 2) * GB,
      memory_total: 16 * GB,
      disk_free: (900 / n) * GB,
      disk_total: 1000 * GB,
    },
    ...part,
  });
  const devices: DeviceView[] = [
    ownDevice(own),
    device(2, {
      name: "studio",
      kind: "desktop",
      platform: "linux-x64",
      controller: true,
      services: [
        exampleService(
          { name: "grafana", local_port: 3000, url: `${host(hubUrl, "grafana--studio")}/` },
          nowMs,
        ),
        exampleService({ name: "postgres", local_port: 5432, service_type: "tcp" }, nowMs),
        exampleService(
          {
            name: "flowmap-api",
            local_port: 8092,
            url: `${host(hubUrl, "flowmap-api--studio")}/`,
            state: "down",
            reason: "/health answers 503",
          },
          nowMs,
        ),
      ],
      capabilities: [
        { protocol: "llm.chat", version: "1.0.0", models: ["qwen3:8b", "llama3.3:70b"], class: "compute" },
        { protocol: "tasks", version: "1.0.0", class: "read" },
        { protocol: "shell", version: "1.0.0", class: "control" },
      ],
    }),
    device(3, {
      name: "nas",
      kind: "desktop",
      platform: "linux-x64",
      status: "offline",
      last_seen: ago(nowMs, 260),
      latency_ms: null,
      health: null,
      services: [
        exampleService(
          {
            name: "a.service-with_a-name.that-is-as-long-as-one-may-be-in-muster-64",
            local_port: 22,
            service_type: "tcp",
            state: "unknown",
            checked_at: null,
          },
          nowMs,
        ),
      ],
    }),
    device(4, { name: "garden-pi", kind: "raspberry_pi", platform: "linux-arm64", location: "Garden shed" }),
    device(5, { name: "berlin-1", kind: "vps", platform: "linux-x64", location: "Berlin" }),
    device(6, {
      name: "gpu-box",
      kind: "desktop",
      platform: "linux-x64",
      health: {
        uptime_s: 1.2e6,
        load_1m: 11.4,
        cpus: 32,
        memory_used: 101 * GB,
        memory_total: 128 * GB,
        disk_free: 41 * GB,
        disk_total: 2000 * GB,
      },
    }),
    device(7, { name: "macbook", kind: "laptop", platform: "darwin-arm64" }),
    device(8, {
      name: "build-vm-with-a-rather-long-nam",
      kind: "vm",
      platform: "linux-x64",
      hostname: "build-vm-with-a-rather-long-nam.example.net",
    }),
    device(9, {
      name: "kitchen-pi",
      kind: "raspberry_pi",
      platform: "linux-arm64",
      status: "pending",
      last_seen: null,
      latency_ms: null,
      health: null,
    }),
    device(10, { name: "parents-pc", kind: "desktop", platform: "windows-x64" }),
    device(11, {
      name: "Firefox on Android",
      kind: "browser",
      platform: "Android",
      status: "offline",
      last_seen: ago(nowMs, 86_000),
      health: null,
      latency_ms: null,
      hostname: null,
    }),
  ];
  const of = (name: string): DeviceView =>
    devices.find((candidate) => candidate.name === name) ?? ownDevice(own);
  let n = 0;
  const share = (on: string, name: string, part: Partial<ShareView> = {}): ShareView => {
    n += 1;
    return exampleShare({ device: of(on), name, n, nowMs, url: `${host(hubUrl, name)}/` }, part);
  };
  const shares: ShareView[] = [
    share("atlas", "docs", { description: "The handbook, as it is written" }),
    share("atlas", "shop", {
      kind: "app",
      proof: proof("degraded", nowMs, { latency_ms: 2310, reason: "took longer than 2 s" }),
    }),
    share("atlas", "preview", { kind: "app", access: "public", expires_at: ago(nowMs, -5400) }),
    share("atlas", "old-demo", {
      kind: "app",
      state: "stopped",
      proof: proof("unknown", nowMs, { checked_at: null, latency_ms: null }),
    }),
    share("studio", "renders", { access: "login" }),
    share("studio", "notebook", { kind: "app" }),
    share("studio", "tiles", { kind: "app", access: "public" }),
    share("nas", "photos", {
      access: "login",
      proof: proof("dead", nowMs, { latency_ms: null, reason: "device is offline" }),
    }),
    share("nas", "backups", {
      access: "login",
      proof: proof("dead", nowMs, { latency_ms: null, reason: "device is offline" }),
    }),
    share("garden-pi", "camera", {
      kind: "app",
      proof: proof("dead", nowMs, {
        latency_ms: null,
        reason: "connection refused by port 8081, twice in a row",
      }),
    }),
    share("garden-pi", "weather", { access: "public" }),
    share("berlin-1", "blog", { access: "public" }),
    share("berlin-1", "status-page", { access: "public" }),
    share("berlin-1", "mail-archive"),
    share("gpu-box", "models", { kind: "app" }),
    share("gpu-box", "chat", {
      kind: "app",
      links: [
        { kind: "hub", url: host(hubUrl, "chat"), state: "live" },
        { kind: "quick", url: "https://lucky-words-here.trycloudflare.com", state: "unknown" },
      ],
    }),
    share("gpu-box", "training", {
      kind: "app",
      state: "crashed",
      proof: proof("dead", nowMs, { latency_ms: null, reason: "exit code 137" }),
    }),
    share("macbook", "slides", { expires_at: ago(nowMs, -172_000) }),
    share("macbook", "draft"),
    share("parents-pc", "invoices", { access: "login" }),
  ];
  return { hub: hubOf(own), devices, shares };
}

function exampleService(
  part: Partial<ServiceView> & Pick<ServiceView, "name" | "local_port">,
  nowMs: number,
): ServiceView {
  return { service_type: "http", state: "up", checked_at: ago(nowMs, 4), reason: null, url: null, ...part };
}

export interface ExampleShare {
  device: DeviceView;
  name: string;
  n: number;
  nowMs: number;
  url: string;
}

export function exampleShare(
  { device, name, n, nowMs, url }: ExampleShare,
  part: Partial<ShareView>,
): ShareView {
  return {
    id: `share${String(n).padStart(2, "0")}k3v9q`,
    name,
    kind: "page",
    state: "running",
    url,
    access: "password",
    device_id: device.id,
    device_name: device.name,
    description: null,
    created_at: ago(nowMs, 86_400 * 3),
    expires_at: null,
    proof: proof("live", nowMs, { latency_ms: 18 + ((n * 13) % 60) }),
    links: [{ kind: "hub", url, state: "live" }],
    stable: true,
    ...part,
  };
}

function proof(
  state: ShareView["proof"]["state"],
  nowMs: number,
  part: Partial<ShareView["proof"]>,
): ShareView["proof"] {
  return { state, checked_at: ago(nowMs, 3), latency_ms: 40, reason: null, ...part };
}

function hubOf({ hubUrl }: Own): FleetView["hub"] {
  return { url: hubUrl, id: "examplehub", version: "0.1.0" };
}

function ownDevice({ deviceId, nowMs }: Own): DeviceView {
  return {
    id: deviceId,
    name: "atlas",
    kind: "laptop",
    platform: "linux-x64",
    status: "online",
    since: ago(nowMs, 7300),
    last_seen: ago(nowMs, 1),
    agent_version: "0.1.0",
    location: null,
    hostname: null,
    controller: true,
    latency_ms: 1,
    health: {
      uptime_s: 432_000,
      load_1m: 0.42,
      cpus: 8,
      memory_used: 6.6 * GB,
      memory_total: 16 * GB,
      disk_free: 212 * GB,
      disk_total: 512 * GB,
    },
  };
}

function exampleId(n: number): string {
  const letter = String.fromCharCode(96 + n);
  return Array.from({ length: 4 }, () => letter.repeat(7)).join("-");
}
