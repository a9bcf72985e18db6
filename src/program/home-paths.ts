// Where things are in a home (`MUSTER_HOME`, else ~/.muster). Folders are 0700, files 0600.
import { join } from "node:path";

export interface HomePaths {
  home: string;
  identity: string;
  hubFile: string;
  stateDatabase: string;
  lock: string;
  token: string;
  agentFile: string;
  logs: string;
  hub: string;
  hubDatabase: string;
  hubKey: string;
  hubSecret: string;
  /** Made only by an agent's and a hub's own processes. */
  sockets: string;
}

export function homePaths(home: string): HomePaths {
  const hub = join(home, "hub");
  return {
    home,
    identity: join(home, "identity"),
    hubFile: join(home, "hub.json"),
    stateDatabase: join(home, "state.db"),
    lock: join(home, "lock.db"),
    token: join(home, "token"),
    agentFile: join(home, "agent.json"),
    logs: join(home, "logs"),
    hub,
    hubDatabase: join(hub, "hub.db"),
    hubKey: join(hub, "key"),
    hubSecret: join(hub, "secret"),
    sockets: join(home, "run"),
  };
}
