// A machine for install.sh: a home of its own, and a PATH that has exactly the tools that are named.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the script cannot do without, on any system. */
const BASE = [
  "cat",
  "chmod",
  "cmp",
  "cut",
  "getconf",
  "head",
  "id",
  "ln",
  "mkdir",
  "mktemp",
  "mv",
  "printf",
  "rm",
  "tr",
  "uname",
];
const USUAL = [...BASE, "curl", "sha256sum"];

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export class Machine implements Disposable {
  readonly folder: string;
  readonly home: string;
  readonly program: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "muster-install-"));
    // Also the user of another test may look in.
    chmodSync(this.folder, 0o755);
    this.home = join(this.folder, "home");
    mkdirSync(this.home);
    this.program = join(this.home, ".muster/bin/muster");
  }

  /** A folder with links to these tools, the first that this machine has of each. */
  path(tools: readonly string[] = USUAL): string {
    const folder = mkdtempSync(join(this.folder, "path-"));
    chmodSync(folder, 0o755);
    for (const tool of tools) {
      const found = Bun.which(tool);
      if (found !== null) symlinkSync(found, join(folder, tool));
    }
    return folder;
  }

  without(...tools: string[]): string {
    return this.path(USUAL.filter((tool) => !tools.includes(tool)));
  }

  /** A system of another make. */
  uname(system: string, cpu: string): string {
    const folder = this.path(USUAL.filter((tool) => tool !== "uname"));
    const text = `#!/bin/sh\ncase $1 in -s) echo '${system}' ;; -m) echo '${cpu}' ;; esac\n`;
    writeFileSync(join(folder, "uname"), text, { mode: 0o755 });
    return folder;
  }

  async run(
    script: string,
    options: {
      shell?: readonly string[];
      args?: readonly string[];
      path?: string;
      environment?: Record<string, string>;
    } = {},
  ): Promise<Ran> {
    const { shell = ["sh"], args = [], path = this.path(), environment = {} } = options;
    const [name = "sh", ...more] = shell;
    const child = Bun.spawn([Bun.which(name) ?? name, ...more, "-s", "--", ...args], {
      cwd: this.folder,
      // MUSTER_HOME, because root without one installs for the whole machine.
      env: { HOME: this.home, MUSTER_HOME: join(this.home, ".muster"), PATH: path, ...environment },
      stdin: new TextEncoder().encode(script),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [code, out, err] = await Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code, out, err };
  }

  /** Every file of the home, by its path below it. */
  files(): string[] {
    return readdirSync(this.home, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.home.length + 1))
      .toSorted();
  }

  read(path: string): string {
    return readFileSync(join(this.home, path), "utf8");
  }

  [Symbol.dispose](): void {
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }
}
