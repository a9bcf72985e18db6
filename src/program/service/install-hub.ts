// `muster service install --hub`: the hub of a server, as a service of the machine. Root's alone: it listens for
// everyone, and runs as a user that exists only while it does.
import { dirname } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import { HUB_HOME, HUB_UNIT, HUB_UNIT_PATH, SYSTEM_PROGRAM } from "./layout.ts";
import type { ServiceHost } from "./service-host.ts";
import { hubUnit, type HubUnitOptions } from "./systemd-unit.ts";
import { systemdProblem } from "./systemd.ts";

const READABLE = 0o755;

export async function installHub(
  host: ServiceHost,
  options: Omit<HubUnitOptions, "program">,
): Promise<{ changed: boolean; home: string }> {
  await refuseWhere(host);
  const text = hubUnit({ ...options, program: SYSTEM_PROGRAM }, { version: await versionOf(host) });
  const known = (await host.disk.info(HUB_UNIT_PATH)) !== undefined;
  const before = known ? new TextDecoder().decode(await host.disk.read(HUB_UNIT_PATH)) : "";
  const inPlace =
    (await host.disk.info(SYSTEM_PROGRAM)) !== undefined &&
    (await host.same(host.program.path, SYSTEM_PROGRAM));
  if (!inPlace) {
    await host.makeFolder(dirname(SYSTEM_PROGRAM), READABLE);
    await host.copyProgram(host.program.path, SYSTEM_PROGRAM);
  }
  if (text !== before) await host.disk.write(HUB_UNIT_PATH, text, 0o644);
  const changed = !inPlace || text !== before;
  if (changed) await must(host, "daemon-reload");
  await must(host, "enable", "--now", HUB_UNIT);
  if (changed && known) await must(host, "restart", HUB_UNIT);
  return { changed, home: HUB_HOME };
}

async function refuseWhere(host: ServiceHost): Promise<void> {
  if (host.user.uid !== 0) {
    throw new MusterError("forbidden", "a hub's service is the whole machine's: only root installs it", {
      hint: "sudo muster service install --hub",
    });
  }
  const problem = host.platform === "linux" ? await systemdProblem(host) : "there is no systemd";
  if (problem !== undefined) {
    throw new MusterError("unavailable", `no service can be installed: ${problem}`, {
      hint: "run `muster hub` under what starts programs here",
    });
  }
  if (host.program.kind === "checkout") {
    throw new MusterError("usage", "a service of the whole machine needs the built program, not a checkout", {
      hint: "`npm run build`, then run dist/muster",
    });
  }
}

async function versionOf(host: ServiceHost): Promise<number> {
  const { stdout } = await host.run(["systemctl", "--version"]);
  return Number(/^systemd (\d+)/.exec(stdout)?.[1] ?? "0");
}

async function must(host: ServiceHost, ...words: string[]): Promise<void> {
  const { code, stderr } = await host.run(["systemctl", ...words]);
  if (code === 0) return;
  throw new MusterError("unavailable", `systemd refused \`systemctl ${words.join(" ")}\`: ${stderr.trim()}`, {
    hint: `journalctl --unit=${HUB_UNIT}`,
  });
}
