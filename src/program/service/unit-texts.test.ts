// The units and the property list as texts, and what the systems' own tools say of them. A tool that is not
// here is skipped, and the run says so.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentPlist } from "./launchd-plist.ts";
import { layoutOf, type Layout } from "./layout.ts";
import { agentUnit, hubUnit } from "./systemd-unit.ts";

const ADA = { uid: 1000, name: "ada", folder: "/home/ada" };
const ROOT = { uid: 0, name: "root", folder: "/root" };
const COMPILED = { kind: "compiled", path: "/tmp/muster" } as const;
const OLD = { version: 247 };
const NEW = { version: 254 };
const TLS = { cert: "/etc/muster/chain.pem", key: "/etc/muster/key.pem" };

const linux = (user: typeof ADA, home: string): Layout =>
  layoutOf({ platform: "linux", user, home, configFolder: "", program: COMPILED });
const userLayout = linux(ADA, "/home/ada/.muster");
const systemLayout = linux(ROOT, "/var/lib/muster");
const hubOptions = { program: "/opt/muster/bin/muster", domain: "example.com" };

test("the person's unit is as recorded", () => {
  expect(agentUnit(userLayout, OLD)).toMatchSnapshot();
});

test("the machine's unit is as recorded", () => {
  expect(agentUnit(systemLayout, NEW)).toMatchSnapshot();
});

test("the hub's unit is as recorded", () => {
  expect(hubUnit({ ...hubOptions, port: 443, tls: TLS }, NEW)).toMatchSnapshot();
});

test("the hub's unit says what the hub is told, and may bind a low port only where it has one", () => {
  const proxied = hubUnit(
    { ...hubOptions, host: "127.0.0.1", behindProxy: ["127.0.0.1", "10.0.0.0/8"], insecure: true },
    NEW,
  );
  expect(proxied).toContain(
    "ExecStart=/opt/muster/bin/muster hub --host 127.0.0.1 --domain example.com " +
      "--behind-proxy 127.0.0.1,10.0.0.0/8 --insecure\n",
  );
  expect(proxied).toContain("CapabilityBoundingSet=\n");
  const able = "AmbientCapabilities=CAP_NET_BIND_SERVICE";
  expect(proxied).not.toContain(able);
  // With a certificate and no port it is 443.
  expect(hubUnit({ ...hubOptions, tls: TLS }, NEW)).toContain(able);
  expect(hubUnit({ ...hubOptions, tls: TLS, port: 8443 }, NEW)).not.toContain(able);
});

test("the property list is as recorded", () => {
  expect(agentPlist(darwin("/Users/ada/.muster"))).toMatchSnapshot();
});

test("only systemd that can waits longer from start to start", () => {
  expect(agentUnit(userLayout, OLD)).not.toContain("RestartSteps");
  expect(agentUnit(userLayout, NEW)).toContain("RestartSteps=6\nRestartMaxDelaySec=60");
});

test("a path with spaces, quotes, percent and dollar stays one word", () => {
  const text = agentUnit(linux(ADA, `/home/ada/my "50%" $HOME/.muster`), OLD);
  expect(text).toContain(String.raw`Environment="MUSTER_HOME=/home/ada/my \"50%%\" $$HOME/.muster"`);
});

test("a path with a line break never gets into a unit", () => {
  expect(() => agentUnit(linux(ADA, "/home/ada\nExecStartPre=/bin/evil"), OLD)).toThrow("control characters");
});

test("root does not run a checkout as a service", () => {
  const program = { kind: "checkout", path: "/root/muster/bin/muster" } as const;
  const place = {
    platform: "linux",
    user: ROOT,
    home: "/var/lib/muster",
    configFolder: "",
    program,
  } as const;
  expect(() => layoutOf(place)).toThrow("needs the built program");
  expect(layoutOf({ ...place, user: ADA })).toMatchObject({ program: program.path, copy: undefined });
});

const analyze = Bun.which("systemd-analyze");
if (analyze === null) console.log("skipped: units against systemd-analyze, which is not here");
const withAnalyze = test.skipIf(analyze === null);

/** The program must exist for `verify`; which one it is says nothing about the unit. */
function onDisk(name: string, text: string): { path: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "muster-units-"));
  const path = join(folder, name);
  writeFileSync(path, text.replaceAll(/^ExecStart=\S+/gm, "ExecStart=/bin/true"));
  return { path, folder };
}

function systemdAnalyze(words: string[], runtime: string): { stdout: string; stderr: string } {
  const result = Bun.spawnSync(["systemd-analyze", ...words], {
    env: { ...process.env, XDG_RUNTIME_DIR: runtime },
  });
  return { stdout: result.stdout.toString(), stderr: result.stderr.toString() };
}

const units: { name: string; text: string; scope: "user" | "system"; scoreMax: number }[] = [
  { name: "muster-agent.service", text: agentUnit(userLayout, OLD), scope: "user", scoreMax: 9.6 },
  { name: "muster-agent.service", text: agentUnit(systemLayout, OLD), scope: "system", scoreMax: 4.6 },
  { name: "muster-hub.service", text: hubUnit(hubOptions, OLD), scope: "system", scoreMax: 1.3 },
  {
    name: "muster-hub.service",
    text: hubUnit({ ...hubOptions, port: 443, tls: TLS }, OLD),
    scope: "system",
    scoreMax: 1.6,
  },
];

for (const [at, { name, text, scope, scoreMax }] of units.entries()) {
  withAnalyze(`systemd finds nothing wrong with the ${scope}'s ${name} (${at + 1})`, () => {
    const { path, folder } = onDisk(name, text);
    try {
      expect(systemdAnalyze(["verify", `--${scope}`, "--man=no", path], folder).stderr).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  withAnalyze(`and its exposure is at most ${scoreMax} (${at + 1})`, () => {
    const { path, folder } = onDisk(name, text);
    try {
      const { stdout, stderr } = systemdAnalyze(["security", "--offline=true", "--no-pager", path], folder);
      const score = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN);
      expect({ score, stderr }).toEqual({ score: expect.any(Number), stderr: "" });

      expect(score).toBeLessThanOrEqual(scoreMax);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.skipIf(analyze === null)("the check would find a misspelt line", () => {
  const { path, folder } = onDisk(
    "muster-agent.service",
    agentUnit(systemLayout, OLD).replace("Restart=", "Restrat="),
  );
  try {
    expect(systemdAnalyze(["verify", "--system", "--man=no", path], folder).stderr).toContain("Restrat");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function darwin(home: string, user = { uid: 501, name: "ada", folder: "/Users/ada" }): Layout {
  return layoutOf({ platform: "darwin", user, home, configFolder: "", program: COMPILED });
}

const python = Bun.which("python3");
if (python === null) console.log("skipped: the property list against plistlib, for python3 is not here");

test.skipIf(python === null)("a strict reader reads the property list as it was meant", () => {
  const home = "/Users/ada/a & <b>/.muster";
  const script = "import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
  const read = (text: string) =>
    Bun.spawnSync(["python3", "-c", script], { stdin: new TextEncoder().encode(text) });
  const parsed: unknown = JSON.parse(read(agentPlist(darwin(home))).stdout.toString());
  expect(parsed).toMatchObject({
    Label: "dev.muster.agent",
    ProgramArguments: [`${home}/bin/muster`, "agent"],
    EnvironmentVariables: { MUSTER_HOME: home },
    KeepAlive: true,
    RunAtLoad: true,
    Umask: 0o077,
  });
  expect(read(agentPlist(darwin(home)).replace("</dict>", "")).exitCode).not.toBe(0);
});
