import { expect, test } from "bun:test";
import { SILENT_LOG } from "../protocol/log.ts";
import { realWorld } from "../world/real.ts";
import type { ChildProcess, World } from "../world/world.ts";
import { type CloudflaredOptions, CloudflaredProcess, type CloudflaredState } from "./cloudflared-process.ts";
import { FormerChild } from "./former-child.ts";
import { fakeCloudflared, type FakeCloudflared } from "./fake-cloudflared.fixture.ts";

const PLAN = {
  tunnelId: "00000000-0000-4000-8000-000000000001",
  hosts: "*.example.com",
  credentialsPath: "/home/pi/.muster/tunnel-credentials.json",
  socketPath: "/run/muster/tunnel.sock",
};
/** Pauses and looks are this much shorter than in life. */
const HASTE = 20;

interface Supervised extends AsyncDisposable {
  process: CloudflaredProcess;
  states: CloudflaredState[];
  children: ChildProcess[];
  /** Resolves with the first state, from now on or now, that is so. */
  until(state: CloudflaredState["state"]): Promise<CloudflaredState>;
}

function supervise(
  fake: FakeCloudflared,
  changes: Partial<CloudflaredOptions> = {},
  disk = realWorld.disk,
): Supervised {
  const states: CloudflaredState[] = [];
  const children: ChildProcess[] = [];
  const waiting: { state: string; resolve(state: CloudflaredState): void }[] = [];
  const world: World = {
    ...realWorld,
    disk,
    timers: {
      after: (ms, run) => realWorld.timers.after(ms / HASTE, run),
      every: (ms, run) => realWorld.timers.every(ms / HASTE, run),
      soon: (run) => realWorld.timers.soon(run),
    },
    clock: { now: () => realWorld.clock.now(), monotonic: () => realWorld.clock.monotonic() },
    processes: {
      ...realWorld.processes,
      spawn(options) {
        const child = realWorld.processes.spawn(options);
        children.push(child);
        return child;
      },
    },
  };
  const process = new CloudflaredProcess({
    program: fake.program,
    folder: fake.folder,
    plan: PLAN,
    world,
    log: SILENT_LOG,
    changed(state) {
      states.push(state);
      for (const one of waiting.splice(0)) {
        if (one.state === state.state) one.resolve(state);
        else waiting.push(one);
      }
    },
    ...changes,
  });
  return {
    process,
    states,
    children,
    until: (state) =>
      process.state.state === state
        ? Promise.resolve(process.state)
        : new Promise((resolve) => waiting.push({ state, resolve })),
    [Symbol.asyncDispose]: () => process.kill(),
  };
}

function alive({ children }: Supervised): number {
  return children.filter(({ pid }) => realWorld.processes.groupAlive(pid)).length;
}

test("it runs with one way in, no secret in sight and nothing of our environment", async () => {
  await using fake = await fakeCloudflared();
  await using supervised = supervise(fake);
  await supervised.process.start();
  expect(await supervised.until("connected")).toEqual({ state: "connected", connections: 1 });
  const { argv, environment, config } = await fake.started();
  expect(argv).toContain("--no-autoupdate");
  expect(argv.at(-1)).toBe(PLAN.tunnelId);
  expect(environment).toMatchObject({ HOME: fake.folder, NO_AUTOUPDATE: "true" });
  expect(Object.keys(environment).filter((name) => /TUNNEL|TOKEN|MUSTER/.test(name))).toEqual([]);
  expect(config).toMatchObject({
    tunnel: PLAN.tunnelId,
    "credentials-file": PLAN.credentialsPath,
    ingress: [
      { hostname: "*.example.com", service: "unix:/run/muster/tunnel.sock" },
      { service: "http_status:404" },
    ],
  });
  await supervised.process.stop();
  expect(supervised.process.state).toEqual({ state: "stopped" });
  expect(alive(supervised)).toBe(0);
});

for (const how of ["reconfigure", "config-only"]) {
  test(`it is killed for good when Cloudflare configures it (${how})`, async () => {
    await using fake = await fakeCloudflared();
    await using supervised = supervise(fake);
    await supervised.process.start();
    await supervised.until("connected");
    await fake.tell(how);
    expect(await supervised.until("reconfigured")).toMatchObject({ error: { code: "tunnel_reconfigured" } });
    expect(alive(supervised)).toBe(0);
    expect(supervised.children).toHaveLength(1);
  });
}

test("what a visitor sends is not taken for cloudflared's own words", async () => {
  await using fake = await fakeCloudflared();
  await using supervised = supervise(fake);
  await supervised.process.start();
  await supervised.until("connected");
  await fake.tell("visitor");
  await fake.tell("lose");
  expect(await supervised.until("starting")).toEqual({ state: "starting", reason: null });
  expect(supervised.states.map(({ state }) => state)).toEqual(["starting", "connected", "starting"]);
});

test("one that crashes is started again after a pause", async () => {
  await using fake = await fakeCloudflared();
  await using supervised = supervise(fake);
  await supervised.process.start();
  await supervised.until("connected");
  await fake.tell("crash");
  expect(await supervised.until("waiting")).toMatchObject({ reason: "cloudflared ended with code 3" });
  await supervised.until("connected");
  expect(supervised.children).toHaveLength(2);
  expect(alive(supervised)).toBe(1);
});

test("one that can't be started again for want of room on the disk is started once there is some", async () => {
  await using fake = await fakeCloudflared();
  const refused = Promise.withResolvers<void>();
  let isFull = false;
  let tries = 0;
  const write: World["disk"]["write"] = (...file) => {
    if (!isFull) return realWorld.disk.write(...file);
    if (++tries === 2) refused.resolve();
    return Promise.reject(new Error("no space left"));
  };
  await using supervised = supervise(fake, {}, { ...realWorld.disk, write });
  isFull = true;
  const begun = supervised.process.start();
  expect(await begun.catch((error: unknown) => String(error))).toContain("no space left");
  isFull = false;
  await supervised.process.start();
  await supervised.until("connected");
  isFull = true;
  tries = 0;
  await fake.tell("crash");
  await refused.promise;
  expect(supervised.process.state).toMatchObject({ state: "waiting" });
  isFull = false;
  expect(await supervised.until("connected")).toEqual({ state: "connected", connections: 1 });
  expect(supervised.children).toHaveLength(2);
});

test("one that an earlier agent left is ended before the next begins", async () => {
  await using fake = await fakeCloudflared();
  const left = realWorld.processes.spawn({
    command: ["/bin/sh", "-c", "exec /bin/sleep 60"],
    cwd: fake.folder,
    environment: {},
    outputPath: `${fake.folder}/left.log`,
    exited() {},
  });
  await new FormerChild(realWorld, `${fake.folder}/cloudflared.pid`).remember(left.pid);
  await using next = supervise(fake);
  await next.process.start();
  expect(realWorld.processes.groupAlive(left.pid)).toBe(false);
  await next.until("connected");
});

test("a pid that is another process by now is left alone", async () => {
  await using fake = await fakeCloudflared();
  const stranger = realWorld.processes.spawn({
    command: ["/bin/sleep", "60"],
    cwd: fake.folder,
    environment: {},
    outputPath: `${fake.folder}/left.log`,
    exited() {},
  });
  const path = `${fake.folder}/cloudflared.pid`;
  for (const content of [JSON.stringify({ pid: stranger.pid, mark: "another boot:1" }), "{", "[]", ""]) {
    await realWorld.disk.write(path, content);
    await new FormerChild(realWorld, path).end();
    expect(realWorld.processes.groupAlive(stranger.pid)).toBe(true);
    expect(await realWorld.disk.info(path)).toBeUndefined();
  }
  stranger.signal("SIGKILL");
});

test("a program that isn't there is said to be missing, and stopping it ends the tries", async () => {
  await using fake = await fakeCloudflared();
  await using supervised = supervise(fake, { program: `${fake.folder}/nothing` });
  await supervised.process.start();
  expect(await supervised.until("waiting")).toMatchObject({ reason: "cloudflared not found" });
  await supervised.process.stop();
  expect(supervised.process.state).toEqual({ state: "stopped" });
});
