// A server that hands its machine to a hub: the unit that `muster service install --hub` writes, as systemd runs
// it, and an agent that joins it on the same machine.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../e2e/until.ts";
import { FIRST, Releases } from "./releases.ts";
import { machineProblem } from "./root.ts";
import { openScene, type Scene } from "./scene.ts";

const problem = machineProblem();
const SLOW_MS = 120_000;
const UNIT = "/etc/systemd/system/muster-hub.service";
/** 10 is a unit without any walls (systemd-analyze(1)). */
const EXPOSURE = 1.5;

const title = `a server that boots${problem === undefined ? "" : ` (${problem})`}`;
describe.skipIf(problem !== undefined)(title, () => {
  let releases: Releases;
  let scene: Scene;
  beforeAll(async () => {
    releases = await Releases.make([FIRST]);
    scene = await openScene(releases, []);
  }, SLOW_MS);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
    await releases?.[Symbol.asyncDispose]();
  }, SLOW_MS);

  const healthy = () =>
    until("a healthy hub", async () => {
      const { out } = await scene.machine.run("curl -sf -m 2 http://127.0.0.1/health");
      return out.includes("healthy");
    });

  test("install.sh without a token installs, and says how to join", async () => {
    const ran = await scene.machine.run(
      "curl -fsSL http://muster.test:8080/install.sh | sh -s -- --insecure",
    );
    expect([ran.code, ran.out]).toEqual([0, expect.stringContaining("muster init http://muster.test:8080")]);
    expect(await scene.machine.ok("muster version")).toContain(FIRST);
  });

  test("one command makes it a hub on port 80, whose owner can sign in", async () => {
    const installed = await scene.machine.json(
      "muster service install --hub --port 80 --domain example.test --json",
    );
    expect(installed).toMatchObject({ changed: true, home: "/var/lib/muster-hub" });
    await healthy();
    const again = await scene.machine.json(
      "muster service install --hub --port 80 --domain example.test --json",
    );
    expect(again.changed).toBe(false);
    const { login_url } = await scene.machine.json(
      "MUSTER_HOME=/var/lib/muster-hub muster hub login-link --json",
    );
    expect(login_url).toContain("#login.");
  });

  test("run again with more options it stands behind a proxy of the same machine, as the guide says", async () => {
    const guide = await Bun.file(join(import.meta.dir, "../../docs/guides/vps.md")).text();
    const [, line = ""] = /```sh\n(sudo \S+ service install [^\n]*--behind-proxy)\n/.exec(guide) ?? [];
    expect(line).toContain("--host 127.0.0.1");
    const here = line.replace("--domain example.com", "--domain example.test").replace("8080", "80");
    await scene.machine.ok(`sudo() { "$@"; }\n${here}`);
    await healthy();
    const { login_url } = await scene.machine.json(
      "MUSTER_HOME=/var/lib/muster-hub muster hub login-link --json",
    );
    expect(login_url).toStartWith("https://muster.example.test/");
    const { install } = await scene.machine.json(
      "MUSTER_HOME=/var/lib/muster-hub muster device token --json",
    );
    expect(install).toStartWith("curl -fsSL https://example.test/install.sh | sh -s -- mst1_");
    expect(await scene.machine.ok("ss -Hltn 'sport = :80'")).toMatch(/^LISTEN .* 127\.0\.0\.1:80 [^\n]*$/);
  });

  test("its unit passes systemd's own check without a word, and stays within its exposure", async () => {
    expect(await scene.machine.run(`systemd-analyze verify ${UNIT}`)).toEqual({ code: 0, out: "", err: "" });
    const judged = await scene.machine.ok("systemd-analyze security --no-pager muster-hub");
    const score = Number(/exposure level for \S+: ([\d.]+)/.exec(judged)?.[1]);
    expect(score).toBeLessThanOrEqual(EXPOSURE);
    expect(await scene.machine.ok("stat -Lc %U /var/lib/muster-hub")).not.toBe("root");
  });

  test("killed with -9, and after a reboot, it is there again", async () => {
    await scene.machine.ok("systemctl kill --signal=KILL muster-hub");
    await healthy();
    expect(await scene.machine.ok("systemctl show --property=NRestarts --value muster-hub")).toBe("1");
    await scene.machine.reboot();
    await healthy();
  });

  test("uninstalled, it leaves what it knows", async () => {
    const { removed } = await scene.machine.json("muster uninstall --hub --json");
    expect(removed).toContain(UNIT);
    expect(
      await scene.machine.ok("test ! -e /opt/muster && ls /var/lib/private/muster-hub/hub/key"),
    ).toContain("key");
    expect((await scene.machine.run("systemctl is-active muster-hub")).out.trim()).toBe("inactive");
  });
});
