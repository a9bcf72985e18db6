// A real hub beside a machine that really boots, and what is asked of the two again and again.
import { Home, PROGRAM } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";
import { Machine, OUTSIDE, type Ran, type Who } from "./machine.ts";
import { FIRST, Releases } from "./releases.ts";

const PORT = 8080;
const DOMAIN = "muster.test";
/** Seconds on a machine with nothing else to do; this one may be busy. */
const BACK_WITHIN_MS = 30_000;

export interface Scene extends AsyncDisposable {
  machine: Machine;
  owner: Home;
  /** Puts a version where the hub hands it out. */
  release(version: string): Promise<void>;
  /** install.sh with this token, or with a new one. */
  install(who: Who, name: string, token?: string): Promise<Ran & { token: string }>;
  /** Where a share of this name is reached through the hub. */
  shareUrl(name: string): string;
  /** Until a visitor gets this through the hub. */
  answers(name: string, body: string): Promise<void>;
  /** Until the device has its session with the hub, by what it says itself. */
  connected(who: Who): Promise<void>;
  /** The process that systemd keeps for a user. */
  agentPid(who: Who): Promise<number>;
}

/** `names`: of the devices that will be. The caller ends it, the releases are the caller's. */
export async function openScene(releases: Releases, names: readonly string[]): Promise<Scene> {
  const machine = await Machine.boot([DOMAIN, ...names.map((name) => `${name}.${DOMAIN}`)]);
  const owner = new Home(machine.beside([PROGRAM]));
  const end = async (): Promise<void> => {
    await owner[Symbol.asyncDispose]();
    await machine[Symbol.asyncDispose]();
  };
  try {
    const args = ["--host", "0.0.0.0", "--port", String(PORT), "--domain", DOMAIN, "--insecure"];
    // Also a test that is killed leaves no hub.
    const program = machine.beside(["setpriv", "--pdeathsig", "KILL", PROGRAM]);
    await owner.spawn(["hub", "--json", ...args], { program }).firstJson();
    await releases.put(owner.path, FIRST);
  } catch (error) {
    await end();
    throw error;
  }
  const shareUrl = (name: string): string => `http://${name}.${DOMAIN}:${PORT}/`;
  return {
    machine,
    owner,
    release: (version) => releases.put(owner.path, version),
    async install(who, name, given) {
      const { token, install } = (await owner.ok(["device", "token"])) as { token: string; install: string };
      const line = given === undefined ? install : install.replace(token, given);
      const ran = await machine.run(`${line} --name ${name} --insecure`, who);
      return { ...ran, token: given ?? token };
    },
    shareUrl,
    answers: (name, body) =>
      until(
        `${shareUrl(name)} through ${OUTSIDE}`,
        async () => (await machine.visit(shareUrl(name))) === body || undefined,
        BACK_WITHIN_MS,
      ).then(() => {}),
    async connected(who) {
      await until(
        "a session with the hub",
        async () => {
          const { code, out } = await machine.run(`${programOf(who)} status --json`, who);
          return code === 0 && (JSON.parse(out) as { hub: { state: string } }).hub.state === "connected";
        },
        BACK_WITHIN_MS,
      );
    },
    async agentPid(who) {
      const manager = who === "root" ? "systemctl" : "systemctl --user";
      return Number(await machine.ok(`${manager} show --property=MainPID --value muster-agent`, who));
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Also where no login has put ~/.local/bin into PATH. */
export function programOf(who: Who): string {
  return who === "root" ? "/usr/local/bin/muster" : "$HOME/.local/bin/muster";
}
