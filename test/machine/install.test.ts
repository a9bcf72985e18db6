// From one line of shell to a device that comes back by itself, on a machine with a real systemd: as root with a
// service of the machine, and as an ordinary person with a service of theirs.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../e2e/until.ts";
import type { Who } from "./machine.ts";
import { BROKEN, FIRST, Releases, SECOND } from "./releases.ts";
import { machineProblem } from "./root.ts";
import { openScene, programOf, type Scene } from "./scene.ts";

const problem = machineProblem();
const SLOW_MS = 120_000;

/** What an ordinary day of a machine writes: none of it is ours. */
const OF_THE_SYSTEM = [
  /^\/var\/(?:log|tmp|cache)(?:\/|$)/,
  /^\/var\/lib\/(?:systemd|dbus|polkit-1|private)(?:\/|$)/,
  /^\/etc\/(?:machine-id|\.pwd\.lock|(?:passwd|group|shadow|gshadow|subuid|subgid)-?)$/,
  /^\/tmp\/./,
  // Where programs of a person go, and theirs from the first on.
  /^\/home\/ada\/(?:\.config(?:\/systemd(?:\/user)?)?|\.local(?:\/bin)?)$/,
];

const PEOPLE = {
  root: {
    who: "root",
    device: "box",
    site: "/srv/site",
    systemctl: "systemctl",
    home: "/var/lib/muster",
    unit: "/etc/systemd/system/muster-agent.service",
    program: "/opt/muster/bin/muster",
    link: "/usr/local/bin/muster",
    // An exposure of 10 is a unit without any walls (systemd-analyze(1)).
    exposure: 4.5,
  },
  "an ordinary person": {
    who: "ada",
    device: "desk",
    site: "/home/ada/site",
    systemctl: "systemctl --user",
    home: "/home/ada/.muster",
    unit: "/home/ada/.config/systemd/user/muster-agent.service",
    program: "/home/ada/.muster/bin/muster",
    link: "/home/ada/.local/bin/muster",
    exposure: 9.7,
  },
} as const satisfies Record<string, { who: Who } & Record<string, unknown>>;

const title = `a machine that boots${problem === undefined ? "" : ` (${problem})`}`;
describe.skipIf(problem !== undefined)(title, () => {
  let releases: Releases;
  beforeAll(async () => {
    releases = await Releases.make([FIRST, SECOND]);
  }, SLOW_MS);
  afterAll(() => releases?.[Symbol.asyncDispose]());

  for (const [name, person] of Object.entries(PEOPLE)) {
    const { who, device, site, systemctl, home, unit, program, link, exposure } = person;
    const muster = programOf(who);

    describe(`set up by ${name}`, () => {
      let scene: Scene;
      let token: string;
      let untouched: Set<string>;
      beforeAll(async () => {
        scene = await openScene(releases, [device]);
        untouched = scene.machine.changes();
      }, SLOW_MS);
      afterAll(() => scene?.[Symbol.asyncDispose](), SLOW_MS);

      const body = `from ${device}\n`;
      const shown = () => scene.answers("site", body);

      test("one line joins it, starts its service and proves its address, in seconds", async () => {
        const began = performance.now();
        const ran = await scene.install(who, device);
        ({ token } = ran);
        expect([ran.code, ran.out]).toEqual([0, expect.stringContaining(`Joined as ${device} `)]);
        expect(ran.out).toContain(`Reached at ${scene.shareUrl(device)}`);
        expect(ran.out).toContain(`Installed muster ${FIRST} as ${program}`);
        // 3 s on a machine with nothing else to do; this one may be busy.
        expect(performance.now() - began).toBeLessThan(30_000);
        expect(`${ran.out}${ran.err}`).not.toContain("enable-linger");
        expect(await scene.machine.ok(`${systemctl} is-enabled muster-agent`, who)).toBe("enabled");
        expect(await scene.machine.ok(`${systemctl} is-active muster-agent`, who)).toBe("active");
        expect(await scene.machine.ok(`readlink ${link}`, who)).toBe(program);
        expect(await scene.machine.ok(`stat -c %a ${home}`)).toBe("700");
      });

      test("the same line again changes nothing", async () => {
        const state = `stat -c '%n %i %Y %a %U' ${unit} ${program} ${home}/identity ${home}/hub.json`;
        const before = [await scene.machine.ok(state), await scene.agentPid(who)];
        const again = await scene.install(who, device, token);
        expect([again.code, again.out]).toEqual([0, expect.stringContaining("is up to date")]);
        expect(again.out).toContain(`Joined before as ${device} `);
        expect([await scene.machine.ok(state), await scene.agentPid(who)]).toEqual(before);
        expect((await scene.owner.ok(["device", "ls"])).items).toHaveLength(1);
      });

      test("the real unit passes systemd's own check without a word, and stays within its exposure", async () => {
        const user = who === "root" ? "" : "--user";
        const verified = await scene.machine.run(`systemd-analyze verify ${user} ${unit}`, who);
        expect(verified).toEqual({ code: 0, out: "", err: "" });
        const judged = await scene.machine.run(
          `systemd-analyze security ${user} --no-pager muster-agent`,
          who,
        );
        const score = Number(/exposure level for \S+: ([\d.]+)/.exec(judged.out)?.[1]);
        expect(score).toBeLessThanOrEqual(exposure);
      });

      test("what it shares is reached through the hub, also when nobody is logged in", async () => {
        await scene.machine.ok(`mkdir ${site} && echo from ${device} >${site}/index.html`, who);
        await scene.machine.ok(`${muster} add ${site} --public`, who);
        await shown();
        await until("an end of every login", async () => {
          return !(await scene.machine.ok("loginctl list-sessions --no-legend")).includes("ada");
        });
        await shown();
      });

      test("its service is stopped, started and restarted, and shows its log", async () => {
        const pid = await scene.agentPid(who);
        await scene.machine.ok(`${muster} service stop`, who);
        expect(await scene.machine.json(`${muster} service status --json`, who)).toMatchObject({
          installed: true,
          state: "stopped",
        });
        expect(await scene.machine.visit(scene.shareUrl("site"))).toContain("curl exited");
        await scene.machine.ok(`${muster} service start`, who);
        await shown();
        const started = await scene.agentPid(who);
        await scene.machine.ok(`${muster} service restart`, who);
        await shown();
        expect(new Set([pid, started, await scene.agentPid(who)]).size).toBe(3);
        expect(await scene.machine.ok(`${muster} service logs`, who)).toContain("Agent started");
        const followed = await scene.machine.run(`timeout 4 ${muster} service logs -f`, who);
        expect([followed.code, followed.out]).toEqual([124, expect.stringContaining("Agent started")]);
      });

      test("killed with -9 it is back in seconds", async () => {
        const pid = await scene.agentPid(who);
        await scene.machine.ok(`kill -9 ${pid}`, who);
        await until("another process", async () => ![0, pid].includes(await scene.agentPid(who)));
        await shown();
      });

      test("when it hangs, the watchdog replaces it", async () => {
        // As in the unit, with less patience.
        const drop = `${unit}.d`;
        const text = "[Service]\\nWatchdogSec=4\\nTimeoutStopSec=2\\n";
        await scene.machine.ok(
          `mkdir ${drop} && printf '${text}' >${drop}/quick.conf && ${systemctl} daemon-reload && ${systemctl} restart muster-agent`,
          who,
        );
        await shown();
        const pid = await scene.agentPid(who);
        await scene.machine.ok(`kill -STOP ${pid}`, who);
        await until("another process", async () => ![0, pid].includes(await scene.agentPid(who)), 30_000);
        await shown();
        expect(await scene.machine.ok(`${muster} service logs`, who)).toContain("watchdog");
        await scene.machine.ok(
          `rm -r ${drop} && ${systemctl} daemon-reload && ${systemctl} restart muster-agent`,
          who,
        );
      }, 60_000);

      test("after a reboot it is there before anybody logs in", async () => {
        await scene.machine.reboot();
        await shown();
        expect(await scene.machine.ok("loginctl list-sessions --no-legend")).not.toContain("ada");
      });

      test("it is upgraded by a signed release, and taken back from one that does not come up", async () => {
        await scene.connected(who);
        await scene.release(SECOND);
        const pid = await scene.agentPid(who);
        expect(await scene.machine.json(`${muster} upgrade --json`, who)).toMatchObject({
          state: "upgraded",
          running: FIRST,
          offered: SECOND,
          restarted: true,
        });
        await shown();
        expect(await scene.agentPid(who)).not.toBe(pid);
        expect((await scene.machine.json(`${muster} version --json`, who)).version).toBe(SECOND);

        await scene.release(BROKEN);
        const refused = await scene.machine.run(`${muster} upgrade --json`, who);
        expect([refused.code, refused.err]).toEqual([
          expect.any(Number),
          expect.stringContaining("upgrade_refused"),
        ]);
        expect(refused.code).not.toBe(0);
        await shown();
        expect((await scene.machine.json(`${muster} version --json`, who)).version).toBe(SECOND);
        expect(await scene.machine.ok(`${systemctl} is-active muster-agent`, who)).toBe("active");
      }, 90_000);

      test("uninstalled, it leaves nothing", async () => {
        await scene.machine.ok(`${muster} uninstall --state --yes && rm -r ${site}`, who);
        const loaded = await scene.machine.run(`${systemctl} status muster-agent`, who);
        expect(loaded.err).toContain("could not be found");
        expect(await scene.machine.run("pgrep -x muster")).toMatchObject({ code: 1, out: "" });
        for (const file of ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"]) {
          expect(await scene.machine.run(`grep -c '^muster:' /etc/${file}`)).toMatchObject({ out: "0\n" });
        }
        const left = [...scene.machine.changes()].filter(
          (path) => !untouched.has(path) && !OF_THE_SYSTEM.some((known) => known.test(path)),
        );
        expect(left).toEqual([]);
        await until("the hub to see it go", async () =>
          (await scene.owner.ok(["device", "ls"])).items.some(
            (each: { name: string; status: string }) => each.name === device && each.status === "offline",
          ),
        );
      });
    });
  }
});
