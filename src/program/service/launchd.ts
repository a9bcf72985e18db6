// launchd as it is on this machine: the person's login session, or the whole machine for root.
import { showAgentLog } from "./agent-log.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { CommandResult } from "../../world/run-command.ts";
import { agentPlist } from "./launchd-plist.ts";
import { AGENT_LABEL, type Layout } from "./layout.ts";
import type { ServiceHost, ServiceManager, ServiceState } from "./service-host.ts";

export function launchd(host: ServiceHost, layout: Layout): ServiceManager {
  const { uid } = host.user;
  const call = (...words: string[]): Promise<CommandResult> => host.run(["launchctl", ...words]);
  /** The session of the screen where there is one; over ssh only the user's own. */
  const domain = async (): Promise<string> => {
    if (layout.scope === "system") return "system";
    return (await call("print", `gui/${uid}`)).code === 0 ? `gui/${uid}` : `user/${uid}`;
  };
  const target = async (): Promise<string> => `${await domain()}/${AGENT_LABEL}`;
  const must = async (...words: string[]): Promise<void> => {
    const { code, stderr } = await call(...words);
    if (code === 0) return;
    throw new MusterError(
      "unavailable",
      `launchd refused \`launchctl ${words.join(" ")}\`: ${stderr.trim()}`,
    );
  };
  const loaded = async (): Promise<boolean> => (await call("print", await target())).code === 0;
  const start = async (): Promise<void> => {
    if (await loaded()) await must("kickstart", await target());
    else await must("bootstrap", await domain(), layout.unit);
  };
  return {
    kind: "launchd",
    unitText: async () => agentPlist(layout),
    /** It holds what it has read until it lets go of it. */
    async changed() {
      if (await loaded()) await call("bootout", await target());
    },
    async enable() {
      await must("enable", await target());
      await start();
      return layout.scope === "system" ? [] : ["starts at login, not at boot"];
    },
    async disable() {
      await call("bootout", await target());
    },
    async state() {
      const installed = (await host.disk.info(layout.unit)) !== undefined;
      const printed = await call("print", await target());
      return printed.code === 0 ? { ...stateIn(printed.stdout), installed } : { ...STOPPED, installed };
    },
    start,
    async stop() {
      if (await loaded()) await must("bootout", await target());
    },
    async restart() {
      if (await loaded()) await must("kickstart", "-k", await target());
      else await start();
    },
    logs: (options) => showAgentLog(host, layout.home, options),
  };
}

const STOPPED: ServiceState = { installed: false, state: "stopped", pid: null, since: null };

/** What `launchctl print` says: made for people, but for years the same. */
export function stateIn(text: string): ServiceState {
  const pid = Number(/^\s*pid = (\d+)$/m.exec(text)?.[1] ?? "0");
  const state = /^\s*state = (.+)$/m.exec(text)?.[1] ?? "";
  return {
    installed: true,
    state: pid > 0 ? "running" : state === "spawn scheduled" ? "starting" : "stopped",
    pid: pid > 0 ? pid : null,
    since: null,
  };
}
