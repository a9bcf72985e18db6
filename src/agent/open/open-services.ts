// The services of this device, and who comes to them over the hub.
import { deviceIdOf } from "../../protocol/ids.ts";
import { appendAudit } from "../../store/audit.ts";
import type { AgentOptions } from "../agent-options.ts";
import type { CapabilitySource } from "../capabilities/capability.ts";
import { listedCapability } from "../capabilities/listed-capability.ts";
import type { OfferedService } from "../services/offered-service.ts";
import { ServiceBook } from "../services/service-book.ts";
import { ServiceDoor } from "../services/service-door.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";
import type { Owned } from "./open-owners.ts";

/** Throws `invalid` for a port that is this program's own. */
export function openServiceBook(options: AgentOptions, core: Core, ends: Ends): ServiceBook {
  const { world, log, services = [], forbiddenPorts } = options;
  const { clock, timers, network } = world;
  const book = new ServiceBook({
    clock,
    timers,
    network,
    services,
    hub: core.hub,
    log: log.part("services"),
    notices: core.notices,
    forbiddenPorts: () => [
      ...forbiddenPorts(),
      ...[core.late.port, core.late.pagePort?.()].filter((port) => port !== undefined),
      ...(core.late.forwardPorts?.() ?? []),
    ],
  });
  ends.add(() => book.close());
  return book;
}

const PROXY = "proxy.http";

/** Where there is something to proxy. */
export function proxyCapability(services: readonly OfferedService[] = []): CapabilitySource {
  const isOffered = services.some(({ type }) => type === "http");
  return { capabilities: isOffered ? [listedCapability(PROXY, "control")] : [] };
}

export function openServiceDoor(
  options: AgentOptions,
  { core, owned, services, ends }: { core: Core; owned: Owned; services: ServiceBook; ends: Ends },
): ServiceDoor {
  const { world, crypto, signer, log, ticker, command, hub: joined } = options;
  const door = new ServiceDoor({
    clock: world.clock,
    network: world.network,
    ticker,
    crypto,
    signer,
    device: core.device,
    logs: owned.logs,
    services,
    browsers: command?.policy.browser ?? "on",
    proxies: options.offering?.disabled.includes(PROXY) !== true,
    entered(service, key) {
      const row = appendAudit(core.db, {
        at: world.clock.now(),
        actor: `device:${deviceIdOf(crypto.sha256(key))}`,
        action: "service.entered",
        target: `service:${service}`,
        ownerRoot: joined.owner_root,
      });
      core.inBackground(
        "audit",
        row.then(() => {}),
      );
    },
    failed: (error) => log.error("fault at a service", { error }),
  });
  owned.whenGrown(() => door.look());
  ends.add(() => door.close());
  return door;
}
