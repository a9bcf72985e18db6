// The service of a home, whatever this machine has to run one: systemd, launchd, or neither.
import type { ServiceDesk } from "../../cli/surroundings.ts";
import { MusterError } from "../../protocol/errors.ts";
import { installHub } from "./install-hub.ts";
import { installService, isOf, uninstallService } from "./install.ts";
import { showAgentLog } from "./agent-log.ts";
import { launchd } from "./launchd.ts";
import { layoutOf, type Layout } from "./layout.ts";
import type { ServiceHost, ServiceManager } from "./service-host.ts";
import { systemd, systemdProblem } from "./systemd.ts";
import { uninstallHub } from "./uninstall-hub.ts";

/** Looks at the machine once; every call of what it returns looks at the service anew. */
export async function openService(host: ServiceHost, home: string): Promise<ServiceDesk> {
  const absent = await absence(host);
  const platform = host.platform === "darwin" ? "darwin" : "linux";
  const configFolder = host.environment["XDG_CONFIG_HOME"] ?? "";
  const place = (program = host.program) =>
    layoutOf({ platform, user: host.user, home, configFolder, program });
  const managerOf = (layout: Layout): ServiceManager =>
    platform === "darwin" ? launchd(host, layout) : systemd(host, layout);
  const parts = () => {
    if (absent !== undefined) throw new MusterError("unavailable", `no service can be installed: ${absent}`);
    const layout = place();
    return { host, layout, manager: managerOf(layout) };
  };
  /** Of this home; undefined where none is installed. */
  const installed = async () => {
    // A checkout of root's has no layout, and no service.
    if (absent !== undefined || (host.user.uid === 0 && host.program.kind === "checkout")) return undefined;
    const { layout, manager } = parts();
    const info = await host.disk.info(layout.unit);
    const isHere =
      info !== undefined && isOf(new TextDecoder().decode(await host.disk.read(layout.unit)), layout);
    return isHere ? { layout, manager } : undefined;
  };
  return {
    absent: absent ?? null,
    async state() {
      const found = await installed();
      if (found === undefined) return undefined;
      const { layout, manager } = found;
      return { manager: manager.kind, scope: layout.scope, ...(await manager.state()) };
    },
    install: async (phase) => installService(parts(), phase),
    installHub: (options) => installHub(host, options),
    uninstallHub: (options) => uninstallHub(host, options),
    start: async () => parts().manager.start(),
    stop: async () => parts().manager.stop(),
    restart: async () => parts().manager.restart(),
    async logs(options) {
      const found = await installed();
      return found === undefined ? showAgentLog(host, home, options) : found.manager.logs(options);
    },
    async uninstall(options) {
      // Root may remove with a checkout what the built program installed.
      const layout = host.user.uid === 0 ? place({ kind: "compiled", path: host.program.path }) : place();
      return uninstallService(
        { host, layout, manager: absent === undefined ? managerOf(layout) : NOBODY },
        options,
      );
    },
  };
}

/** Where nothing runs services, there are only files to remove. */
const NOBODY: ServiceManager = {
  kind: "systemd",
  unitText: () => Promise.resolve(""),
  changed: () => Promise.resolve(),
  enable: () => Promise.resolve([]),
  disable: () => Promise.resolve(),
  state: () => Promise.resolve({ installed: false, state: "stopped", pid: null, since: null }),
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  restart: () => Promise.resolve(),
  logs: () => Promise.resolve(),
};

async function absence(host: ServiceHost): Promise<string | undefined> {
  if (host.platform === "darwin") return undefined;
  if (host.platform !== "linux") return `this system (${host.platform}) has neither systemd nor launchd`;
  return systemdProblem(host);
}
