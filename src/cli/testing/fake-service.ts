// A machine's service as the CLI sees it: installed or not, running or not, and what was asked of it.

import type { ServiceDesk, ServiceView } from "../surroundings.ts";
import { AGENT_PID, type FakeAgent } from "./fake-agent.ts";

export interface FakeService extends ServiceDesk {
  absent: string | null;
  view: ServiceView | undefined;
  notes: string[];
  asked: string[];
}

const RUNNING: ServiceView = {
  manager: "systemd",
  scope: "user",
  state: "running",
  pid: AGENT_PID,
  since: "2026-11-20T11:57:00.000Z",
};

/** Its agent is the fake one: both run or neither does. */
export function fakeService(agent: FakeAgent): FakeService {
  const set = (running: boolean): void => {
    agent.running = running;
    service.view = running ? RUNNING : { ...RUNNING, state: "stopped", pid: null, since: null };
  };
  const service: FakeService = {
    absent: null,
    view: undefined,
    notes: [],
    asked: [],
    state: async () => service.view,
    async install(phase) {
      service.asked.push("install");
      phase("starting the service");
      const changed = service.view?.state !== "running";
      set(true);
      return { changed, notes: service.notes };
    },
    async installHub(options) {
      service.asked.push(`install hub ${JSON.stringify(options)}`);
      return { changed: true, home: "/var/lib/muster-hub" };
    },
    async uninstallHub({ state }) {
      service.asked.push(`uninstall hub${state ? " with state" : ""}`);
      return { removed: ["/etc/systemd/system/muster-hub.service"], notes: [] };
    },
    async start() {
      service.asked.push("start");
      set(true);
    },
    async stop() {
      service.asked.push("stop");
      set(false);
    },
    async restart() {
      service.asked.push("restart");
      set(true);
    },
    async logs({ lines, follow, write }) {
      service.asked.push(`logs ${lines}${follow ? " follow" : ""}`);
      write("agent \u001b[31mstarted\u001b[0m\n");
    },
    async uninstall({ state }) {
      service.asked.push(`uninstall${state ? " with state" : ""}`);
      const removed =
        service.view === undefined ? [] : ["/home/ada/.config/systemd/user/muster-agent.service"];
      service.view = undefined;
      agent.running = false;
      return { removed: state ? [...removed, "/home/ada/.muster"] : removed, notes: [] };
    },
  };
  return service;
}
