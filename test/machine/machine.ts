// A machine that really boots: systemd as its first process, a login by ssh, a network of two addresses that
// exist nowhere else. Whatever becomes of the test, the end of one pipe ends all of it.
import { spawn, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { until, within } from "../e2e/until.ts";
import { rootFolder } from "./root.ts";

/** Of the hub and the visitors. */
export const OUTSIDE = "10.77.0.1";
const INSIDE = "10.77.0.2";
const MARK = "muster-test-box-";
const BOOT_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 60_000;

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export type Who = "root" | "ada";

export class Machine implements AsyncDisposable {
  readonly folder: string;
  readonly #root: string;
  readonly #lab: ChildProcess;
  readonly #first: number;

  private constructor(lab: ChildProcess, place: { folder: string; root: string; first: number }) {
    this.folder = place.folder;
    this.#root = place.root;
    this.#lab = lab;
    this.#first = place.first;
  }

  /** `hosts`: names that lead to the hub's address. Booted, and open for logins, when it resolves. */
  static async boot(hosts: readonly string[]): Promise<Machine> {
    const root = rootFolder();
    removeStaleGroups();
    const folder = mkdtempSync(join(tmpdir(), MARK));
    prepare(folder, hosts);
    const script = join(import.meta.dir, "lab.sh");
    const spaces = "unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc";
    const [command, ...words] = [...spaces.split(" "), "sh", script, basename(folder), root, folder];
    const lab = spawn(command, words, { stdio: ["pipe", "ignore", "inherit"] });
    lab.stdin?.on("error", () => {}); // it ended by itself, which the boot then shows
    const first = await until("the lab's first process", () => childOf(lab.pid ?? 0));
    const machine = new Machine(lab, { folder, root, first });
    try {
      await machine.#booted(1);
    } catch (error) {
      const said = readFileSync(join(folder, "console"), "utf8").slice(-2000);
      await machine[Symbol.asyncDispose]();
      throw new Error(`the machine did not boot: ${said}`, { cause: error });
    }
    return machine;
  }

  /** A command outside of the machine, on the hub's side of its network. */
  beside(command: readonly string[]): string[] {
    return ["nsenter", `--net=/proc/${this.#first}/ns/net`, "--", ...command];
  }

  /** A login of its own, which ends with the script. */
  async run(script: string, who: Who = "root"): Promise<Ran> {
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    const quick = ["ConnectTimeout=5", "BatchMode=yes", "IdentitiesOnly=yes"];
    const ssh = ["ssh", "-F", "none", "-i", join(this.folder, "key")];
    const said = [...options, ...quick].flatMap((option) => ["-o", option]);
    return run(this.beside([...ssh, ...said, `${who}@${INSIDE}`, "sh -s"]), script);
  }

  /** What it wrote, of a script that must succeed. */
  async ok(script: string, who: Who = "root"): Promise<string> {
    const { code, out, err } = await this.run(script, who);
    if (code !== 0) throw new Error(`${who}: ${script}\nexited ${code}: ${out}${err}`);
    return out.trim();
  }

  /** The program's one object. */
  // What a test reads out of JSON is checked by its expectations.
  // oxlint-disable-next-line typescript/no-explicit-any
  async json(script: string, who: Who = "root"): Promise<any> {
    return JSON.parse(await this.ok(script, who));
  }

  /** The body that a visitor gets from the hub under this address. */
  async visit(url: string): Promise<string> {
    const { hostname, port } = new URL(url);
    const there = ["--resolve", `${hostname}:${port || "80"}:${OUTSIDE}`];
    const { code, out, err } = await run(this.beside(["curl", "-sSf", "-m", "2", ...there, url]), "");
    return code === 0 ? out : `curl exited ${code}: ${err}`;
  }

  /** As a person would; up again when it resolves. */
  async reboot(): Promise<void> {
    const before = this.#boots();
    await this.run("systemctl reboot");
    await this.#booted(before + 1);
  }

  /** Every file that differs from the root it was booted from, and every folder that is not there. */
  changes(): Set<string> {
    const changes = join(this.folder, "changes");
    const entries = readdirSync(changes, { recursive: true, withFileTypes: true }).map((entry) => ({
      path: join(entry.parentPath, entry.name).slice(changes.length),
      folder: entry.isDirectory(),
    }));
    return new Set(
      entries.filter(({ path, folder }) => !folder || !existsSync(this.#root + path)).map(({ path }) => path),
    );
  }

  async #booted(times: number): Promise<void> {
    await until(
      `boot ${times}`,
      async () => {
        if (this.#lab.exitCode !== null) throw new Error("the lab has ended");
        if (this.#boots() < times) return false;
        // Degraded is up, too.
        const { out } = await this.run("systemctl is-system-running --wait");
        return /^(?:running|degraded)$/m.test(out);
      },
      BOOT_TIMEOUT_MS,
    );
  }

  #boots(): number {
    return Number(readFileSync(join(this.folder, "boots"), "utf8"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#lab.once("exit", resolve));
    if (this.#lab.exitCode === null && this.#lab.signalCode === null) {
      this.#lab.stdin?.end();
      await within(10_000, "the end of the machine", ended).catch(() => this.#lab.kill("SIGKILL"));
    }
    const name = basename(this.folder);
    await until("an end of its control groups", () => removeGroup(name));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the machine has at its first boot beyond the root: its keys, its names. */
function prepare(folder: string, hosts: readonly string[]): void {
  const changes = join(folder, "changes");
  for (const path of ["etc/ssh", "root/.ssh", "home/ada/.ssh"]) {
    mkdirSync(join(changes, path), { recursive: true });
  }
  makeKey(join(folder, "key"));
  makeKey(join(changes, "etc/ssh/ssh_host_ed25519_key"));
  const mine = readFileSync(join(folder, "key.pub"));
  writeFileSync(join(changes, "root/.ssh/authorized_keys"), mine, { mode: 0o600 });
  writeFileSync(join(changes, "home/ada/.ssh/authorized_keys"), mine, { mode: 0o644 });
  writeFileSync(join(changes, "etc/hosts"), `127.0.0.1 localhost box\n${OUTSIDE} ${hosts.join(" ")}\n`);
  writeFileSync(join(changes, "etc/hostname"), "box\n");
  Bun.spawnSync(["chown", "-R", "1000:1000", join(changes, "home/ada")]);
  writeFileSync(join(folder, "boots"), "0");
  writeFileSync(join(folder, "console"), "");
}

function makeKey(path: string): void {
  const made = Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path]);
  if (!made.success) throw new Error(made.stderr.toString());
}

async function run(command: readonly string[], input: string): Promise<Ran> {
  const child = Bun.spawn([...command], {
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: RUN_TIMEOUT_MS,
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, out, err };
}

function childOf(pid: number): number | undefined {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? undefined : Number(text.split(" ")[0]);
}

/** Where this host has the second version of control groups; "" where it has none. */
function groupsFolder(): string {
  return /^\S+ (\S+) cgroup2 /m.exec(readFileSync("/proc/mounts", "utf8"))?.[1] ?? "";
}

/** Of runs that were killed. Where something lives, another run is at work. */
function removeStaleGroups(): void {
  const folder = groupsFolder();
  if (folder === "") return;
  for (const name of readdirSync(folder).filter((each) => each.startsWith(MARK))) {
    const events = readFileSync(join(folder, name, "cgroup.events"), "utf8");
    if (events.includes("populated 0")) removeGroup(name);
  }
}

/** Whether it is gone. What lives in one keeps it. */
function removeGroup(name: string): boolean {
  const folder = join(groupsFolder(), name);
  try {
    for (const path of readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted((a, b) => b.length - a.length)) {
      rmdirSync(path);
    }
    rmdirSync(folder);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}
