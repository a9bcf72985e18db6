// What this device shows to others: the gateway, the shares in front of which it stands, and the named tunnel
// that is a second way to it.
import { withoutFolder } from "../gateway/closed-folder.ts";
import { Gateway } from "../gateway/gateway.ts";
import type { PageDisk } from "../gateway/page-files.ts";
import { gatewayKey } from "../gateway-key.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import { NamedTunnel } from "../named-tunnel.ts";
import { ShareBook } from "../shares/share-book.ts";
import { tunnelPath } from "../tunnel-file.ts";
import type { AgentOptions } from "../agent-options.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";

export interface Shown {
  metrics: Metrics;
  gateway: Gateway;
  shares: ShareBook;
  tunnel: NamedTunnel;
}

export async function openShares(
  options: AgentOptions & { appsAtEnd(): "stop" | "leave" },
  core: Core,
  ends: Ends,
): Promise<Shown> {
  const { log, paths } = options;
  const { hub } = core;
  const pageDisk = withoutFolder(options.world.disk, await options.world.disk.realPath(paths.home));
  const metrics = createMetrics({
    trunkConnected: () => hub.state.at === "connected",
    shares: () => shares.states(),
  });
  const gateway = await gatewayOf(options, core, { metrics, pageDisk });
  ends.add(() => gateway.close());
  const shares = new ShareBook({
    world: options.world,
    db: core.db,
    log,
    hub,
    hasher: options.hasher,
    notices: core.notices,
    pageDisk,
    logs: paths.logs,
    environment: options.environment,
    forbiddenPorts: () => [
      ...options.forbiddenPorts(),
      ...[core.late.port, core.late.pagePort?.()].filter((port) => port !== undefined),
      ...(core.late.forwardPorts?.() ?? []),
    ],
    device: core.device,
    fleet: () => core.fleet.last,
    removed: (shareId) => gateway.forget(shareId),
  });
  ends.add(() => shares.close(options.appsAtEnd()));
  await shares.load();
  const tunnel = tunnelOf(options, core, { gateway, shares });
  ends.add(() => tunnel.stop());
  return { metrics, gateway, shares, tunnel };
}

async function gatewayOf(
  { world, crypto, hasher, log }: AgentOptions,
  { db, hubUrl, hubKey }: Core,
  { metrics, pageDisk }: { metrics: Metrics; pageDisk: PageDisk },
): Promise<Gateway> {
  const { clock, timers, network, random } = world;
  return new Gateway({
    clock,
    timers,
    network,
    disk: pageDisk,
    randomBytes: (length) => random.bytes(length),
    hmacSha256: (key, bytes) => crypto.hmacSha256(key, bytes),
    verifyEd25519: (key, bytes, signature) => crypto.verifyEd25519(key, bytes, signature),
    hasher,
    deviceKey: await gatewayKey(db, random),
    hub: () => ({ url: hubUrl(), key: hubKey }),
    counters: { served: (_share, response) => metrics.served(response) },
    failed: (error) => log.error("fault in the gateway", { error }),
  });
}

function tunnelOf(
  options: AgentOptions,
  { notices, hostname }: Core,
  { gateway, shares }: Pick<Shown, "gateway" | "shares">,
): NamedTunnel {
  const { world, log, paths, namedLink } = options;
  return new NamedTunnel({
    world,
    gateway,
    shareAt: (host) => shares.namedTarget(host),
    log: log.part("link"),
    notices,
    wanted: namedLink?.wanted ?? false,
    program: (stop) => namedLink?.program(stop) ?? Promise.reject(new Error("no named link is wanted")),
    credentialsPath: tunnelPath(paths.home),
    folder: `${paths.home}/cloudflared`,
    socketPath: `${paths.sockets}/tunnel.sock`,
    hostname,
  });
}
