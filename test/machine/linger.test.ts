// A system that lets nobody keep services running past a logout by themselves: the installer says so, with the
// line that an administrator runs, and after that line all is as elsewhere.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../e2e/until.ts";
import { FIRST, Releases } from "./releases.ts";
import { machineProblem } from "./root.ts";
import { openScene, type Scene } from "./scene.ts";

const problem = machineProblem();
const SLOW_MS = 120_000;

const title = `a system that keeps nothing after a logout${problem === undefined ? "" : ` (${problem})`}`;
describe.skipIf(problem !== undefined)(title, () => {
  let releases: Releases;
  let scene: Scene;
  beforeAll(async () => {
    releases = await Releases.make([FIRST]);
    scene = await openScene(releases, ["desk"]);
    // Which is who would allow it.
    await scene.machine.ok("systemctl mask --now polkit.service 2>/dev/null");
  }, SLOW_MS);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
    await releases?.[Symbol.asyncDispose]();
  }, SLOW_MS);

  const status = async (): Promise<string> => {
    const { items } = (await scene.owner.ok(["device", "ls"])) as { items: { status: string }[] };
    return items[0]?.status ?? "";
  };

  test("joins all the same, and says what an administrator has to run", async () => {
    const ran = await scene.install("ada", "desk");
    expect([ran.code, ran.out]).toEqual([0, expect.stringContaining("Joined as desk ")]);
    expect(`${ran.out}${ran.err}`).toContain("sudo loginctl enable-linger ada");
    await until("it to go with its person", async () => (await status()) === "offline", 30_000);
  });

  test("stays once that was run, without a login", async () => {
    await scene.machine.ok("loginctl enable-linger ada");
    await until("the device", async () => (await status()) === "online", 30_000);
    expect(await scene.machine.ok("loginctl list-sessions --no-legend")).not.toContain("ada");
  });
});
