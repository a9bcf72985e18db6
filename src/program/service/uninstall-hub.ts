// Taking a hub's service away again. The program it ran goes with it, unless this machine's agent runs the same one.
import { dirname } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import type { Removed } from "./install.ts";
import { AGENT_UNIT, HUB_HOME, HUB_UNIT, HUB_UNIT_PATH, SYSTEM_LINK, SYSTEM_PROGRAM } from "./layout.ts";
import type { ServiceHost } from "./service-host.ts";

/** Where systemd keeps the state of a user that exists only while its service runs; HUB_HOME leads there. */
const PRIVATE_HOME = "/var/lib/private/muster-hub";
const AGENT_UNIT_PATH = `/etc/systemd/system/${AGENT_UNIT}`;
const DROP_INS = `${HUB_UNIT_PATH}.d`;

/** May be repeated. With `state` all that the hub knows goes too: accounts, devices, its keys. */
export async function uninstallHub(host: ServiceHost, { state }: { state: boolean }): Promise<Removed> {
  if (host.user.uid !== 0) {
    throw new MusterError("forbidden", "a hub's service is the whole machine's: only root removes it", {
      hint: "sudo muster uninstall --hub",
    });
  }
  const { disk } = host;
  const is = async (path: string): Promise<boolean> => (await disk.info(path)) !== undefined;
  const removed: string[] = [];
  const notes: string[] = [];
  const remove = async (path: string): Promise<void> => {
    await disk.remove(path);
    removed.push(path);
  };
  if (await is(HUB_UNIT_PATH)) {
    await must(host, "disable", "--now", HUB_UNIT);
    await remove(HUB_UNIT_PATH);
    await must(host, "daemon-reload");
  }
  if (await is(DROP_INS)) notes.push(`what you added stays in ${DROP_INS}`);
  if (await is(AGENT_UNIT_PATH)) notes.push(`this machine's agent runs ${SYSTEM_PROGRAM}, which stays`);
  else {
    if ((await host.linkAt(SYSTEM_LINK)) === SYSTEM_PROGRAM) await remove(SYSTEM_LINK);
    if (await is(SYSTEM_PROGRAM)) {
      await remove(SYSTEM_PROGRAM);
      await removeEmpty(host, dirname(SYSTEM_PROGRAM));
      await removeEmpty(host, dirname(dirname(SYSTEM_PROGRAM)));
    }
  }
  if (state) {
    if (await is(PRIVATE_HOME)) await remove(PRIVATE_HOME);
    if ((await host.linkAt(HUB_HOME)) !== undefined || (await is(HUB_HOME))) await remove(HUB_HOME);
  }
  return { removed, notes };
}

async function removeEmpty({ disk }: ServiceHost, path: string): Promise<void> {
  const left = await disk.list(path).catch(() => undefined); // it is gone already
  if (left?.length === 0) await disk.remove(path);
}

async function must(host: ServiceHost, ...words: string[]): Promise<void> {
  const { code, stderr } = await host.run(["systemctl", ...words]);
  if (code === 0) return;
  throw new MusterError("unavailable", `systemd refused \`systemctl ${words.join(" ")}\`: ${stderr.trim()}`);
}
