// Where a service lies on this machine: its unit, the program it runs, the link that people call it by, and
// whose it is. The person's own, or, for root, the machine's.
import { join } from "node:path";
import { MusterError } from "../../protocol/errors.ts";

/** What runs this program: itself, compiled, or a checkout's `bin/muster`. */
export type Program = { kind: "compiled"; path: string } | { kind: "checkout"; path: string };

export interface ServiceUser {
  uid: number;
  name: string;
  /** HOME. */
  folder: string;
}

export interface Layout {
  scope: "user" | "system";
  /** MUSTER_HOME of the service. */
  home: string;
  unit: string;
  /** What the unit runs. */
  program: string;
  /** Where a copy of this program goes; undefined where the checkout itself is run. */
  copy: string | undefined;
  link: string;
  /** The account of a system service; undefined where the person's own runs it. */
  account: string | undefined;
}

export const SYSTEM_HOME = "/var/lib/muster";
export const SYSTEM_ACCOUNT = "muster";
export const SYSTEM_PROGRAM = "/opt/muster/bin/muster";
export const SYSTEM_LINK = "/usr/local/bin/muster";
export const AGENT_UNIT = "muster-agent.service";
export const HUB_UNIT = "muster-hub.service";
export const HUB_UNIT_PATH = `/etc/systemd/system/${HUB_UNIT}`;
/** As `%S/muster-hub` is for a service of the machine. */
export const HUB_HOME = "/var/lib/muster-hub";
export const AGENT_LABEL = "dev.muster.agent";

export interface LayoutOptions {
  platform: "linux" | "darwin";
  user: ServiceUser;
  home: string;
  /** XDG_CONFIG_HOME, "" where it is not set. */
  configFolder: string;
  program: Program;
}

/** Throws `usage` where root would run a checkout: the account of the service can't be let into it. */
export function layoutOf({ platform, user, home, configFolder, program }: LayoutOptions): Layout {
  const root = user.uid === 0;
  if (root && program.kind === "checkout") {
    throw new MusterError("usage", "a service of the whole machine needs the built program, not a checkout", {
      hint: "`npm run build`, then run dist/muster; or join as an ordinary user",
    });
  }
  const copy = program.kind === "checkout" ? undefined : root ? SYSTEM_PROGRAM : join(home, "bin", "muster");
  return {
    scope: root ? "system" : "user",
    home,
    unit: unitPath({ platform, user, configFolder }),
    program: copy ?? program.path,
    copy,
    link: root ? SYSTEM_LINK : join(user.folder, ".local", "bin", "muster"),
    account: root ? SYSTEM_ACCOUNT : undefined,
  };
}

function unitPath({
  platform,
  user,
  configFolder,
}: Pick<LayoutOptions, "platform" | "user" | "configFolder">) {
  if (platform === "darwin") {
    const library = user.uid === 0 ? "/Library/LaunchDaemons" : join(user.folder, "Library", "LaunchAgents");
    return join(library, `${AGENT_LABEL}.plist`);
  }
  if (user.uid === 0) return join("/etc/systemd/system", AGENT_UNIT);
  const configs = configFolder.startsWith("/") ? configFolder : join(user.folder, ".config");
  return join(configs, "systemd", "user", AGENT_UNIT);
}
