import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { candidatesFor } from "./completion-candidates.ts";
import { completionScript, type Shell } from "./completion-scripts.ts";
import { makeProgram } from "./program.ts";
import { runCli } from "./run-cli.ts";
import type { DeviceView } from "../protocol/views.ts";
import { deviceView, shareView } from "./testing/fake-views.ts";
import { FAKE_OFFER } from "./testing/fake-services.ts";
import { fakeSurroundings } from "./testing/fake-surroundings.ts";

describe("candidates", () => {
  const program = makeProgram(fakeSurroundings(), () => undefined);
  const values = (line: string): string[] | string => {
    const found = candidatesFor(program, line.split(" "));
    return Array.isArray(found) ? found.map((candidate) => candidate.value) : found;
  };

  test("commands, subcommands and choices", () => {
    expect(values("")).toContain("status");
    expect(values("")).toContain("help");
    expect(values("")).not.toContain("__complete");
    expect(values("device ")).toEqual([
      "ls",
      "token",
      "show",
      "rename",
      "approve",
      "rotate",
      "remove",
      "promote",
      "rekey",
      "claim",
      "unshare",
      "owners",
      "peers",
      "petname",
      "verified",
      "unpair",
    ]);
    expect(values("completion ")).toEqual(["bash", "zsh", "fish"]);
    expect(values("help ")).toContain("add");
    expect(values("help device ")).toContain("token");
    expect(values("help device nothing ")).toEqual([]);
  });

  test("options of the command at hand, and their values", () => {
    expect(values("add --")).toContain("--public");
    expect(values("hub login-link --")).toEqual(["--json", "--help"]);
    expect(values("add 3000 --link ")).toEqual(["hub", "quick", "named"]);
    expect(values("mcp --allow ")).toEqual(["run"]);
    expect(values("mcp --allow run --device ")).toBe("device");
    expect(values("hub --cert ")).toBe("files");
    expect(values("send pi --file ")).toBe("files");
    expect(values("device token --share ")).toBe("device");
    expect(values("run --on ")).toBe("protocol");
    expect(values("add --name ")).toEqual([]);
    expect(values("add --name x ")).toBe("files");
  });

  test("arguments that are shares, apps or paths; nothing after the last one", () => {
    expect(values("rm ")).toBe("share");
    expect(values("rm --json ")).toBe("share");
    expect(values("start ")).toBe("app");
    expect(values("logs -n 10 ")).toBe("app");
    expect(values("add ")).toBe("files");
    expect(values("rm shop ")).toEqual([]);
    expect(values("nonsense more ")).toEqual([]);
  });
});

describe("__complete", () => {
  test("offers the shares of this device, apps alone where an app is meant", async () => {
    expect(await complete(["rm", ""])).toEqual(["docs\tpage, running", "shop\tapp, running"]);
    expect(await complete(["stop", ""])).toEqual(["shop\tapp, running"]);
    expect(await complete(["rm", "d"])).toEqual(["docs\tpage, running"]);
  });

  test("offers the services of all devices where one is forwarded", async () => {
    const devices = [{ ...deviceView({ name: "pi" }), ...FAKE_OFFER }];
    expect(await complete(["forward", ""], { devices })).toEqual([
      "pi/grafana\thttp, up",
      "pi/postgres\ttcp, down",
    ]);
    expect(await complete(["forward", "--ticket", "pi/g"], { devices })).toEqual(["pi/grafana\thttp, up"]);
    expect(await complete(["forward", "pi/postgres", ""], { devices })).toEqual([]);
  });

  test("offers the queries of plugins beside its own, and the capabilities that there are", async () => {
    const offers = { queries: ["disk.report"], ...FAKE_OFFER };
    const devices = [
      { ...deviceView({ name: "gpu" }), ...offers },
      { ...deviceView({ name: "pi" }), queries: ["disk.report", "Notes"] },
    ];
    expect(await complete(["query", ""], { devices })).toEqual([
      "ListTasks\t",
      "GetTaskStats\t",
      "SearchTasks\t",
      "SearchKnowledgebase\t",
      "Notes\tpi",
      "disk.report\tgpu, pi",
    ]);
    expect(await complete(["query", "List"], { running: false })).toEqual(["ListTasks\t"]);
    const protocols = FAKE_OFFER.capabilities.map(({ protocol }) => `${protocol}\tgpu`).toSorted();
    expect(await complete(["call", ""], { devices })).toEqual(protocols);
    expect(await complete(["call", "x", "--only", "g"], { devices })).toEqual(["gpu\tlaptop, online"]);
  });

  test("without an agent, or with one that hangs, it offers nothing and does not fail", async () => {
    expect(await complete(["rm", ""], { running: false })).toEqual([]);
    expect(await complete(["rm", ""], { hangs: true })).toEqual([]);
  });

  test("options that are typed are words to it, not its own", async () => {
    expect(await complete(["status", "--js"])).toEqual(["--json\tprint one JSON object"]);
    expect(await complete(["add", "--help", "--sp"])).toEqual([
      "--spa\ta page: unknown paths get index.html",
    ]);
  });
});

describe("in the shells themselves", () => {
  shellTest("bash", "completes commands, shares, options and paths", async ({ script, run }) => {
    const ask = (line: string): string =>
      `COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _muster muster "\${COMP_WORDS[-1]}"; printf '%s,' "\${COMPREPLY[@]}"; echo\n`;
    const out = await run([
      "bash",
      "--norc",
      "-euc",
      `compopt() { echo "paths"; }\n. "${script}"\n${ask("muster st")}${ask('muster rm ""')}${ask("muster add --spa ./s")}`,
    ]);
    expect(out).toBe("start,stop,status,\ndocs,shop,\npaths\n,\n");
  });

  shellTest("zsh", "completes commands, shares and paths", async ({ script, run }) => {
    // The completion system itself needs a terminal: its two functions are stood in for.
    const stubs = `compdef() { : }\n_describe() { print -r -- \${(j:,:)found} }\n_files() { print paths }\n`;
    const ask = (line: string): string => `words=(${line}); CURRENT=\${#words}; _muster\n`;
    const asks = `${ask("muster st")}${ask('muster rm ""')}${ask("muster add ./s")}`;
    const out = await run(["zsh", "-fc", `${stubs}. "${script}"\n${asks}`]);
    expect(out).toBe("start:start it,stop:stop it,status:is all well\ndocs:page,shop:app\npaths\n");
  });

  shellTest("fish", "completes commands and shares", async ({ script, run }) => {
    const out = await run(["fish", "--no-config", "-c", `source "${script}"; complete -C "muster rm "`]);
    expect(out).toBe("docs\tpage\nshop\tapp\n");
  });
});

interface ShellCase {
  script: string;
  run(command: string[]): Promise<string>;
}

/** Runs with a `muster` in PATH that answers `__complete` as the program does; skipped, visibly, without the shell. */
function shellTest(shell: Shell, title: string, check: (given: ShellCase) => Promise<void>): void {
  test.skipIf(Bun.which(shell) === null)(`${shell} ${title}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "muster-completion-"));
    try {
      const script = join(folder, `muster.${shell}`);
      writeFileSync(script, completionScript(shell));
      writeFileSync(join(folder, "muster"), FAKE_PROGRAM, { mode: 0o755 });
      await check({
        script,
        async run(command) {
          const env = { PATH: `${folder}:${Bun.env["PATH"] ?? ""}`, HOME: folder };
          const child = Bun.spawn(command, { env, stdout: "pipe", stderr: "pipe" });
          const [out, error] = await Promise.all([
            new Response(child.stdout).text(),
            new Response(child.stderr).text(),
          ]);
          expect(error).toBe("");
          return out;
        },
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

const FAKE_PROGRAM = `#!/bin/sh
[ "$1 $2" = "__complete --" ] || exit 1
shift 2
case "$*" in
  st) printf 'start\\tstart it\\nstop\\tstop it\\nstatus\\tis all well\\n' ;;
  "rm ") printf 'docs\\tpage\\nshop\\tapp\\n' ;;
  add*) printf ':files\\n' ;;
esac
`;

async function complete(
  words: string[],
  {
    running = true,
    hangs = false,
    devices = [],
  }: { running?: boolean; hangs?: boolean; devices?: DeviceView[] } = {},
): Promise<string[]> {
  const surroundings = fakeSurroundings();
  surroundings.agent.devices?.push(...devices);
  surroundings.agent.running = running;
  surroundings.agent.shares = [
    shareView({ name: "docs", kind: "page" }),
    shareView({ id: "s2", name: "shop" }),
  ];
  if (hangs) surroundings.fetch = () => new Promise(() => undefined);
  expect(await runCli(["__complete", "--", ...words], surroundings)).toBe(0);
  expect(surroundings.stderr.text).toBe("");
  return surroundings.stdout.text.split("\n").filter((line) => line !== "");
}
