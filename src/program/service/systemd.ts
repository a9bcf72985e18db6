// systemd as it is on this machine: the person's own manager, or the machine's for root.
import { MusterError } from "../../protocol/errors.ts";
import type { CommandResult } from "../../world/run-command.ts";
import { AGENT_UNIT, type Layout } from "./layout.ts";
import type { ServiceHost, ServiceManager, ServiceState } from "./service-host.ts";
import { agentUnit } from "./systemd-unit.ts";

/** The person's manager comes up right after lingering was allowed. */
const MANAGER_TRIES = 20;
const MANAGER_LOOK_MS = 100;

/** Why systemd can't run a service of this user here; undefined when it can. */
export async function systemdProblem(host: ServiceHost): Promise<string | undefined> {
  // sd_booted(3)
  if ((await host.disk.info("/run/systemd/system")) === undefined) {
    return "systemd does not run here (a container, or WSL 1)";
  }
  if (host.user.uid === 0) return undefined;
  if (await managerAnswers(host)) return undefined;
  await host.run(["loginctl", "enable-linger", host.user.name]);
  for (let tries = 0; tries < MANAGER_TRIES; tries += 1) {
    if (await managerAnswers(host)) return undefined;
    await host.pause(MANAGER_LOOK_MS);
  }
  return "the user's own systemd does not answer";
}

async function managerAnswers(host: ServiceHost): Promise<boolean> {
  const answer = await host.run(["systemctl", "--user", "show-environment"], {
    environment: sessionEnvironment(host),
  });
  return answer.code === 0;
}

export function systemd(host: ServiceHost, layout: Layout): ServiceManager {
  const user = layout.scope === "user";
  const environment = user ? sessionEnvironment(host) : {};
  const call = async (...words: string[]): Promise<CommandResult> =>
    host.run(["systemctl", ...(user ? ["--user"] : []), ...words], { environment });
  const must = async (...words: string[]): Promise<void> => {
    const result = await call(...words);
    if (result.code === 0) return;
    throw new MusterError(
      "unavailable",
      `systemd refused \`systemctl ${words.join(" ")}\`: ${said(result)}`,
      {
        hint: "`muster service logs` shows what the agent wrote",
      },
    );
  };
  return {
    kind: "systemd",
    unitText: async () => agentUnit(layout, { version: versionIn((await call("--version")).stdout) }),
    changed: () => must("daemon-reload"),
    async enable() {
      const notes = user ? await linger(host) : [];
      await must("enable", "--now", AGENT_UNIT);
      return notes;
    },
    async disable() {
      // Not there, or not running: what was wanted holds already.
      await call("disable", "--now", AGENT_UNIT);
      await call("reset-failed", AGENT_UNIT);
    },
    async state() {
      const fields = "LoadState,ActiveState,MainPID,ActiveEnterTimestamp,ActiveEnterTimestampMonotonic";
      const shown = await call("show", "--timestamp=unix", `--property=${fields}`, AGENT_UNIT);
      return stateIn(shown.stdout);
    },
    start: () => must("start", AGENT_UNIT),
    stop: () => must("stop", AGENT_UNIT),
    restart: () => must("restart", AGENT_UNIT),
    async logs({ lines, follow, write, signal }) {
      const code = await host.stream(
        [
          "journalctl",
          ...(user ? ["--user"] : []),
          `--${user ? "user-unit" : "unit"}=${AGENT_UNIT}`,
          "--output=cat",
          "--no-pager",
          `--lines=${lines}`,
          ...(follow ? ["--follow"] : []),
        ],
        { environment, write, signal },
      );
      if (code === 127) throw new MusterError("unavailable", "there is no journalctl here");
    },
  };
}

/** A login without a session (su, cron) lacks what leads to the person's own manager. */
function sessionEnvironment({ environment, user }: ServiceHost): Record<string, string> {
  return (environment["XDG_RUNTIME_DIR"] ?? "") === "" ? { XDG_RUNTIME_DIR: `/run/user/${user.uid}` } : {};
}

/** Without lingering the person's services begin at login and end at logout. */
async function linger(host: ServiceHost): Promise<string[]> {
  const { name } = host.user;
  await host.run(["loginctl", "enable-linger", name]);
  const shown = await host.run(["loginctl", "show-user", name, "--property=Linger", "--value"]);
  // A user without any session is shown only while lingering.
  if (shown.stdout.trim() === "yes") return [];
  if ((await host.disk.info(`/var/lib/systemd/linger/${name}`)) !== undefined) return [];
  return [`starts at login, not at boot; run \`sudo loginctl enable-linger ${name}\``];
}

/** What `systemctl show` says, in our words. */
export function stateIn(text: string): ServiceState {
  const fields = new Map(
    text
      .split("\n")
      .map((line): [string, string] => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const active = fields.get("ActiveState") ?? "";
  const running = active === "active" || active === "reloading";
  const pid = Number(fields.get("MainPID") ?? "0");
  return {
    installed: fields.get("LoadState") === "loaded",
    state: running
      ? "running"
      : active === "activating"
        ? "starting"
        : active === "failed"
          ? "failed"
          : "stopped",
    pid: Number.isInteger(pid) && pid > 0 ? pid : null,
    since: running ? timeIn(fields.get("ActiveEnterTimestamp") ?? "") : null,
  };
}

/** "@1700000000", as of systemd 248; older ones write it for people. */
function timeIn(text: string): string | null {
  const seconds = /^@(\d+)/.exec(text)?.[1];
  const ms = seconds === undefined ? Date.parse(text.replace(/^\w{3} /, "")) : Number(seconds) * 1000;
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}

function versionIn(text: string): number {
  return Number(/^systemd (\d+)/.exec(text)?.[1] ?? "0");
}

function said({ stderr, stdout, code }: CommandResult): string {
  const line = (stderr.trim() === "" ? stdout : stderr).trim().split("\n")[0] ?? "";
  return line === "" ? `exit code ${code}` : line;
}
