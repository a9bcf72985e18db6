// A machine in memory for the service's tests: files, links, and the few answers of systemctl, loginctl and
// useradd that matter.
import type { CommandResult } from "../../world/run-command.ts";
import type { FileInfo } from "../../world/world.ts";
import type { Program, ServiceUser } from "./layout.ts";
import type { ServiceHost } from "./service-host.ts";

export interface FakeMachine {
  host: ServiceHost;
  files: Map<string, string>;
  links: Map<string, string>;
  /** Every command, in order. */
  ran: string[];
  /** What `muster-agent.service` is to systemd. */
  unit: { enabled: boolean; running: boolean; failsToStart: boolean };
  accounts: Set<string>;
  lingers: boolean;
}

export interface FakeMachineOptions {
  user?: ServiceUser;
  program?: Program;
  /** No systemd at all: a container. */
  container?: boolean;
  /** `loginctl enable-linger` is refused. */
  lingerRefused?: boolean;
  environment?: Record<string, string>;
}

export const ADA: ServiceUser = { uid: 1000, name: "ada", folder: "/home/ada" };
export const ROOT: ServiceUser = { uid: 0, name: "root", folder: "/root" };
export const DOWNLOADED: Program = { kind: "compiled", path: "/tmp/muster-download" };

export function fakeMachine(options: FakeMachineOptions = {}): FakeMachine {
  const { user = ADA, program = DOWNLOADED, container = false, lingerRefused = false } = options;
  const files = new Map<string, string>([[program.path, "the program"]]);
  if (!container) files.set("/run/systemd/system/", "");
  const machine: FakeMachine = {
    host: undefined as never, // set below: it needs the machine
    files,
    links: new Map(),
    ran: [],
    unit: { enabled: false, running: false, failsToStart: false },
    accounts: new Set(),
    lingers: false,
  };
  const unitPath = () => [...files.keys()].find((path) => path.endsWith("muster-agent.service"));
  const answers: Record<string, () => Partial<CommandResult>> = {
    "systemctl --version": () => ({ stdout: "systemd 252 (252.38)\n+PAM\n" }),
    "systemctl show-environment": () => ({}),
    "systemctl daemon-reload": () => ({}),
    "systemctl enable --now muster-agent.service": () => {
      if (machine.unit.failsToStart) return { code: 1, stderr: "Job for muster-agent.service failed.\n" };
      machine.unit = { ...machine.unit, enabled: true, running: true };
      return {};
    },
    "systemctl disable --now muster-agent.service": () => {
      machine.unit = { ...machine.unit, enabled: false, running: false };
      return {};
    },
    "systemctl start muster-agent.service": () => ((machine.unit.running = true), {}),
    "systemctl stop muster-agent.service": () => ((machine.unit.running = false), {}),
    "systemctl restart muster-agent.service": () => ((machine.unit.running = true), {}),
    "systemctl reset-failed muster-agent.service": () => ({}),
    "systemctl show": () => ({
      stdout: [
        `LoadState=${unitPath() === undefined ? "not-found" : "loaded"}`,
        `ActiveState=${machine.unit.running ? "active" : "inactive"}`,
        `MainPID=${machine.unit.running ? 4711 : 0}`,
        `ActiveEnterTimestamp=${machine.unit.running ? "@1790000000" : ""}`,
      ].join("\n"),
    }),
    "systemctl enable --now muster-hub.service": () => ({}),
    "systemctl disable --now muster-hub.service": () => ({}),
    "loginctl enable-linger": () => {
      if (lingerRefused) return { code: 1, stderr: "Could not enable linger: Access denied\n" };
      machine.lingers = true;
      return {};
    },
    "loginctl show-user": () => ({ stdout: machine.lingers ? "yes\n" : "no\n" }),
    "id -u": () => ({ code: machine.accounts.has("muster") ? 0 : 1 }),
    useradd: () => (machine.accounts.add("muster"), {}),
    userdel: () => (machine.accounts.delete("muster"), {}),
    chown: () => ({}),
  };
  const { environment = { PATH: "/usr/bin" } } = options;
  machine.host = {
    platform: "linux",
    user,
    environment,
    program,
    disk: {
      read: async (path) => new TextEncoder().encode(files.get(path) ?? ""),
      write: async (path, bytes) => {
        files.set(path, typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes));
      },
      remove: async (path) => {
        for (const each of Array.from(files.keys()))
          if (each === path || each.startsWith(`${path}/`)) files.delete(each);
        machine.links.delete(path);
      },
      info: async (path): Promise<FileInfo | undefined> => {
        const folder = files.has(`${path}/`);
        const inside = [...files.keys()].some((each) => each.startsWith(`${path}/`));
        if (!folder && !inside && !files.has(path)) return undefined;
        const kind = folder || inside ? "folder" : "file";
        return { kind, size: files.get(path)?.length ?? 0, modifiedAt: 0, mode: 0o600, inode: 1 };
      },
      list: async (path) => {
        const inside = [...files.keys()].filter((each) => each.startsWith(`${path}/`));
        return [...new Set(inside.map((each) => each.slice(path.length + 1).split("/")[0] ?? ""))];
      },
    },
    makeFolder: async () => {},
    copyProgram: async (from, to) => void files.set(to, files.get(from) ?? ""),
    same: async (one, other) => files.get(one) === files.get(other),
    linkAt: async (path) => machine.links.get(path) ?? (files.has(path) ? "" : undefined),
    makeLink: async (target, path) => void machine.links.set(path, target),
    run: async (command) => {
      const words = command.filter((word) => word !== "--user");
      machine.ran.push(command.join(" "));
      const known = Object.entries(answers).find(([name]) => `${words.join(" ")} `.startsWith(`${name} `));
      const offline = container && ["systemctl", "loginctl"].includes(words[0] ?? "");
      const answer = offline || known === undefined ? { code: 127, stderr: "not found" } : known[1]();
      return { code: 0, stdout: "", stderr: "", ...answer };
    },
    stream: async (command) => {
      machine.ran.push(command.join(" "));
      return 0;
    },
    pause: async () => {},
  };
  return machine;
}
