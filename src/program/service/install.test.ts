import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import { installService, uninstallService, type InstallParts } from "./install.ts";
import { layoutOf } from "./layout.ts";
import { ADA, fakeMachine, ROOT, type FakeMachine } from "./service.fixture.ts";
import { systemd, systemdProblem } from "./systemd.ts";

const UNIT = "/home/ada/.config/systemd/user/muster-agent.service";
const LINK = "/home/ada/.local/bin/muster";
const PROGRAM = "/home/ada/.muster/bin/muster";

function partsOf(
  { host }: FakeMachine,
  home = host.user.uid === 0 ? "/var/lib/muster" : "/home/ada/.muster",
) {
  const { user, program } = host;
  const layout = layoutOf({ platform: "linux", user, home, configFolder: "", program });
  return { host, layout, manager: systemd(host, layout) } satisfies InstallParts;
}

async function refusalOf(work: Promise<unknown>): Promise<MusterError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof MusterError) return thrown;
  throw thrown ?? new Error("it was not refused");
}

test("an ordinary user gets a unit that lingers, the program in the home and a link to it", async () => {
  const machine = fakeMachine({ environment: { PATH: "/usr/bin:/home/ada/.local/bin" } });
  expect(await installService(partsOf(machine))).toEqual({ changed: true, notes: [] });
  expect(machine.files.get(UNIT)).toContain(`ExecStart=${PROGRAM} agent`);
  expect(machine.files.get(PROGRAM)).toBe("the program");
  expect(machine.links.get(LINK)).toBe(PROGRAM);
  expect(machine.unit).toMatchObject({ enabled: true, running: true });
  expect(machine.lingers).toBe(true);
});

test("a second time changes nothing", async () => {
  const machine = fakeMachine();
  await installService(partsOf(machine));
  const files = new Map(machine.files);
  expect(await installService(partsOf(machine))).toMatchObject({ changed: false });
  expect(machine.files).toEqual(files);
  expect(machine.ran.filter((line) => line.includes("daemon-reload"))).toHaveLength(1);
  expect(machine.ran.filter((line) => line.includes("restart"))).toHaveLength(0);
});

test("a newer program is put in place and started", async () => {
  const machine = fakeMachine();
  await installService(partsOf(machine));
  machine.files.set(machine.host.program.path, "the next program");
  expect(await installService(partsOf(machine))).toMatchObject({ changed: true });
  expect(machine.files.get(PROGRAM)).toBe("the next program");
  expect(machine.ran.at(-1)).toBe("systemctl --user restart muster-agent.service");
});

test("where lingering is refused it says when it starts, and goes on", async () => {
  const machine = fakeMachine({ lingerRefused: true });
  const { notes } = await installService(partsOf(machine));
  expect(notes).toContain("starts at login, not at boot; run `sudo loginctl enable-linger ada`");
  expect(machine.unit.running).toBe(true);
});

test("root gets the machine's unit under an account of its own", async () => {
  const machine = fakeMachine({ user: ROOT });
  await installService(partsOf(machine));
  const unit = machine.files.get("/etc/systemd/system/muster-agent.service");
  expect(unit).toContain("User=muster\n");
  expect(unit).toContain("ExecStart=/opt/muster/bin/muster agent\n");
  expect(machine.links.get("/usr/local/bin/muster")).toBe("/opt/muster/bin/muster");
  expect([...machine.accounts]).toEqual(["muster"]);
  expect(machine.ran.some((line) => line.includes("--user "))).toBe(false);
  expect(machine.ran.some((line) => line.startsWith("loginctl"))).toBe(false);
});

test("from a checkout the unit runs the checkout, and it says so", async () => {
  const machine = fakeMachine({ program: { kind: "checkout", path: "/home/ada/src/muster/bin/muster" } });
  const { notes } = await installService(partsOf(machine));
  expect(notes).toContain("the service runs this checkout: /home/ada/src/muster/bin/muster");
  expect(machine.files.get(UNIT)).toContain("ExecStart=/home/ada/src/muster/bin/muster agent");
  expect(machine.files.has(PROGRAM)).toBe(false);
});

test("a program of somebody else at the link's place stays", async () => {
  const machine = fakeMachine();
  machine.files.set(LINK, "not ours");
  const { notes } = await installService(partsOf(machine));
  expect(notes).toContain(`${LINK} is another program and stays; call ${PROGRAM}`);
  await uninstallService(partsOf(machine), { state: true });
  expect(machine.files.get(LINK)).toBe("not ours");
});

test("the service of another home is neither taken over nor removed", async () => {
  const machine = fakeMachine();
  await installService(partsOf(machine));
  const other = partsOf(machine, "/home/ada/second");
  expect(await refusalOf(installService(other))).toMatchObject({ code: "conflict" });
  await uninstallService(other, { state: false });
  expect(machine.files.has(UNIT)).toBe(true);
  expect(machine.unit.running).toBe(true);
});

test("what a failed installation made is gone again", async () => {
  const machine = fakeMachine();
  const files = new Map(machine.files);
  machine.unit.failsToStart = true;
  const refusal = await refusalOf(installService(partsOf(machine)));
  expect(refusal.message).toBe(
    "systemd refused `systemctl enable --now muster-agent.service`: Job for muster-agent.service failed.",
  );
  expect(machine.files).toEqual(files);
  expect([...machine.links]).toEqual([]);
});

for (const user of [ADA, ROOT]) {
  test(`after uninstalling nothing of ${user.name}'s is left, and twice is no error`, async () => {
    const machine = fakeMachine({ user });
    const before = new Map(machine.files);
    const parts = partsOf(machine);
    machine.files.set(`${parts.layout.home}/identity`, "a key");
    await installService(parts);
    const { removed } = await uninstallService(parts, { state: true });
    expect(removed).toContain(parts.layout.unit);
    expect(machine.files).toEqual(before);
    expect([...machine.links]).toEqual([]);
    expect([...machine.accounts]).toEqual([]);
    expect(machine.unit).toMatchObject({ enabled: false, running: false });
    expect(await uninstallService(parts, { state: true })).toEqual({ removed: [], notes: [] });
  });
}

test("without --state the home stays", async () => {
  const machine = fakeMachine();
  machine.files.set("/home/ada/.muster/identity", "a key");
  await installService(partsOf(machine));
  await uninstallService(partsOf(machine), { state: false });
  expect(machine.files.get("/home/ada/.muster/identity")).toBe("a key");
  expect(machine.files.has(PROGRAM)).toBe(false);
});

test("a container has no systemd, and the reason says so", async () => {
  expect(await systemdProblem(fakeMachine({ container: true }).host)).toContain("systemd does not run here");
  expect(await systemdProblem(fakeMachine().host)).toBeUndefined();
  expect(await systemdProblem(fakeMachine({ user: ROOT }).host)).toBeUndefined();
});

test("the state is systemd's own", async () => {
  const machine = fakeMachine();
  const { manager } = partsOf(machine);
  expect(await manager.state()).toEqual({ installed: false, state: "stopped", pid: null, since: null });
  await installService(partsOf(machine));
  const running = {
    installed: true,
    state: "running",
    pid: 4711,
    since: "2026-09-21T14:13:20.000Z",
  } as const;
  expect(await manager.state()).toEqual(running);
  await manager.stop();
  expect(await manager.state()).toMatchObject({ installed: true, state: "stopped", pid: null });
});

test("a home with other things in it loses none of them", async () => {
  const machine = fakeMachine();
  const parts = partsOf(machine, "/home/ada");
  for (const name of ["identity", "state.db-wal", "hub/hub.db", "thesis.txt", "binary"]) {
    machine.files.set(`/home/ada/${name}`, "x");
  }
  await installService(parts);
  const { notes } = await uninstallService(parts, { state: true });
  const left = [...machine.files.keys()].filter((path) => path.startsWith("/home/ada/"));
  expect(left).toEqual(["/home/ada/thesis.txt", "/home/ada/binary"]);
  expect(notes).toEqual(["what is not ours stays in /home/ada: thesis.txt, binary"]);
});
