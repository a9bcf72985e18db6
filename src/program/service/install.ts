// Installing the agent's service, and taking it away again. Both may be repeated: what is as it should be is
// left alone. When a step of installing fails, the ones before it are undone.
import { dirname } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import { removeState } from "./remove-state.ts";
import type { Layout } from "./layout.ts";
import { HUB_UNIT_PATH, SYSTEM_ACCOUNT, SYSTEM_HOME } from "./layout.ts";
import type { ServiceHost, ServiceManager } from "./service-host.ts";

export interface Installed {
  /** False when everything was in place and running before. */
  changed: boolean;
  /** What a person must know. */
  notes: string[];
}

export interface InstallParts {
  host: ServiceHost;
  layout: Layout;
  manager: ServiceManager;
}

const READABLE_FOLDER = 0o755;
const UNIT_MODE = 0o644;

export async function installService(
  parts: InstallParts,
  phase: (text: string) => void = () => {},
): Promise<Installed> {
  const { host, layout, manager } = parts;
  const before = await textAt(host, layout.unit);
  refuseForeign(before, layout);
  const undo: (() => Promise<void>)[] = [];
  try {
    phase("putting the program in place");
    const account = await makeAccount(parts, undo);
    const program = await putProgram(parts, undo);
    const { changed: linked, notes } = await putLink(parts, undo);
    phase("writing the service");
    const text = await manager.unitText();
    if (text !== before) {
      await host.makeFolder(dirname(layout.unit), READABLE_FOLDER);
      undo.push(() => restore(parts, before));
      await host.disk.write(layout.unit, text, UNIT_MODE);
      await manager.changed();
    }
    phase("starting the service");
    const was = await manager.state();
    undo.push(async () => (before === undefined ? manager.disable() : undefined));
    notes.push(...(await manager.enable()));
    if (was.state === "running" && (program || text !== before)) await manager.restart();
    const changed = account || program || linked || text !== before || was.state !== "running";
    return { changed, notes: [...checkoutNote(layout, host), ...notes] };
  } catch (thrown) {
    for (const step of undo.toReversed()) await step().catch(() => {}); // the first failure is what counts
    throw thrown;
  }
}

export interface Removed {
  /** Paths that are gone. */
  removed: string[];
  notes: string[];
}

/** With `state` the home goes too: identity, shares, everything. */
export async function uninstallService(parts: InstallParts, { state }: { state: boolean }): Promise<Removed> {
  const { host, layout, manager } = parts;
  const removed: string[] = [];
  const notes: string[] = [];
  const text = await textAt(host, layout.unit);
  if (text !== undefined && isOf(text, layout)) {
    await manager.disable();
    await host.disk.remove(layout.unit);
    await manager.changed();
    removed.push(layout.unit);
  } else if (text !== undefined) notes.push(`${layout.unit} belongs to another home and stays`);
  const programs = [layout.copy, layout.program].filter((path) => path !== undefined);
  const shared = layout.scope === "system" && (await host.disk.info(HUB_UNIT_PATH)) !== undefined;
  if (shared) notes.push(`the hub's service runs ${layout.program}, which stays`);
  const leadsTo = await host.linkAt(layout.link);
  if (!shared && leadsTo !== undefined && programs.includes(leadsTo)) {
    await host.disk.remove(layout.link);
    removed.push(layout.link);
  }
  if (!shared && layout.copy !== undefined && (await host.disk.info(layout.copy)) !== undefined) {
    await host.disk.remove(layout.copy);
    removed.push(layout.copy);
    await removeIfEmpty(host, dirname(layout.copy));
    if (layout.scope === "system") await removeIfEmpty(host, dirname(dirname(layout.copy)));
  }
  if (state) {
    const { removed: gone, left } = await removeState(host.disk, layout.home);
    if (gone) removed.push(layout.home);
    if (left.length > 0) notes.push(`what is not ours stays in ${layout.home}: ${left.join(", ")}`);
  }
  if (state && layout.account === SYSTEM_ACCOUNT && (await accountExists(host))) {
    await host.run(["userdel", SYSTEM_ACCOUNT]);
    removed.push(`the account ${SYSTEM_ACCOUNT}`);
  }
  return { removed, notes };
}

async function putProgram({ host, layout }: InstallParts, undo: (() => Promise<void>)[]): Promise<boolean> {
  const { copy } = layout;
  if (copy === undefined || copy === host.program.path) return false;
  const there = (await host.disk.info(copy)) !== undefined;
  if (there && (await host.same(host.program.path, copy))) return false;
  await host.makeFolder(dirname(copy), layout.scope === "system" ? READABLE_FOLDER : 0o700);
  if (!there) undo.push(() => host.disk.remove(copy));
  await host.copyProgram(host.program.path, copy);
  return true;
}

/** What somebody else put there stays; the program is then called by its own path. */
async function putLink(
  { host, layout }: InstallParts,
  undo: (() => Promise<void>)[],
): Promise<{ changed: boolean; notes: string[] }> {
  const there = await host.linkAt(layout.link);
  if (there === layout.program) return { changed: false, notes: [] };
  if (there !== undefined) {
    return { changed: false, notes: [`${layout.link} is another program and stays; call ${layout.program}`] };
  }
  await host.makeFolder(dirname(layout.link), READABLE_FOLDER);
  await host.makeLink(layout.program, layout.link);
  undo.push(() => host.disk.remove(layout.link));
  const path = (host.environment["PATH"] ?? "").split(":");
  const missing = path.includes(dirname(layout.link)) ? [] : [`${dirname(layout.link)} is not in your PATH`];
  return { changed: true, notes: missing };
}

/** The machine's own service runs as an account of its own, which owns its state. */
async function makeAccount({ host, layout }: InstallParts, undo: (() => Promise<void>)[]): Promise<boolean> {
  if (layout.account === undefined || host.platform !== "linux") return false;
  const known = await accountExists(host);
  if (!known) {
    const about = `--home-dir ${SYSTEM_HOME} --no-create-home --shell /usr/sbin/nologin`.split(" ");
    const made = await host.run(["useradd", "--system", "--user-group", ...about, SYSTEM_ACCOUNT]);
    if (made.code !== 0) {
      throw new MusterError(
        "unavailable",
        `the account ${SYSTEM_ACCOUNT} can't be made: ${made.stderr.trim()}`,
      );
    }
    undo.push(async () => void (await host.run(["userdel", SYSTEM_ACCOUNT])));
  }
  await host.run(["chown", "-R", "--no-dereference", `${SYSTEM_ACCOUNT}:${SYSTEM_ACCOUNT}`, layout.home]);
  return !known;
}

async function accountExists(host: ServiceHost): Promise<boolean> {
  return (await host.run(["id", "-u", SYSTEM_ACCOUNT])).code === 0;
}

async function restore({ host, layout, manager }: InstallParts, before: string | undefined): Promise<void> {
  if (before === undefined) await host.disk.remove(layout.unit);
  else await host.disk.write(layout.unit, before, UNIT_MODE);
  await manager.changed();
}

/** A machine has one agent service of a user: a second home runs its own agent. */
function refuseForeign(text: string | undefined, layout: Layout): void {
  if (text === undefined || isOf(text, layout)) return;
  throw new MusterError("conflict", `the service of this user belongs to another home: ${layout.unit}`, {
    hint: "join with --no-service and run `muster agent`, or `muster uninstall` there first",
  });
}

export function isOf(text: string, { home }: Layout): boolean {
  const words = [
    `MUSTER_HOME=${home}`,
    `MUSTER_HOME=${home.replaceAll("%", "%%")}`,
    `<string>${home}</string>`,
  ];
  return text.split("\n").some((line) => {
    const value = line.trim().replace(/^Environment=/, "");
    return words.includes(value) || words.includes(value.replace(/^"(.*)"$/, "$1"));
  });
}

function checkoutNote(layout: Layout, host: ServiceHost): string[] {
  return layout.copy === undefined ? [`the service runs this checkout: ${host.program.path}`] : [];
}

async function textAt(host: ServiceHost, path: string): Promise<string | undefined> {
  const info = await host.disk.info(path);
  return info === undefined ? undefined : new TextDecoder().decode(await host.disk.read(path));
}

async function removeIfEmpty(host: ServiceHost, path: string): Promise<void> {
  const left = await host.disk.list(path).catch(() => undefined); // it is gone already
  if (left?.length === 0) await host.disk.remove(path);
}
