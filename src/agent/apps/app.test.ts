import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { realWorld } from "../../world/real.ts";
import { App, type AppRuntime, type AppSpec } from "./app.ts";
import { LOG_MAX_BYTES, rotateLog } from "./rotate-log.ts";

const folders: string[] = [];
const apps: App[] = [];

afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const listener = await realWorld.network.listen({
    address: { host: "127.0.0.1", port: 0 },
    connection: () => ({ data() {}, drain() {}, end() {}, close() {} }),
  });
  listener.close();
  return listener.port;
}

function appOf(spec: Partial<AppSpec> & { port: number; command: string[] }) {
  const folder = mkdtempSync(join(tmpdir(), "muster-app-"));
  folders.push(folder);
  const states: AppRuntime[] = [];
  const wake: (() => void)[] = [];
  const app = new App(
    {
      shareId: "s1",
      name: "shop",
      folder,
      environment: { PATH: process.env["PATH"] ?? "" },
      logPath: join(folder, "shop.log"),
      ...spec,
    },
    {
      world: realWorld,
      log: SILENT_LOG,
      changed: (runtime) => {
        states.push(runtime);
        for (const run of wake.splice(0)) run();
      },
    },
  );
  apps.push(app);
  const until = async (reached: (runtime: AppRuntime) => boolean) => {
    while (!reached(app.runtime)) await new Promise<void>((resolve) => wake.push(resolve));
  };
  return { app, folder, states, until };
}

/** A real little server; the shell stands for the usual `npm start` that forks the one that listens. */
function serverCommand(port: number): string[] {
  return [
    "sh",
    "-c",
    `"${process.execPath}" -e 'Bun.serve({hostname:"127.0.0.1",port:${port},fetch:()=>new Response("hi")});console.log("up")'; true`,
  ];
}

test("an app is running once its port answers, and stop leaves nobody of its group", async () => {
  const port = await freePort();
  const { app, folder, states } = appOf({ port, command: serverCommand(port) });
  await app.start();
  const pid = app.runtime.pid ?? 0;
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hi");
  expect(readFileSync(join(folder, "shop.log"), "utf8")).toContain("up");
  await app.stop();
  expect(realWorld.processes.groupAlive(pid)).toBe(false);
  expect([...new Set(states.map((one) => one.state))]).toEqual(["stopped", "waiting", "running"]);
  expect(app.runtime).toMatchObject({ state: "stopped", pid: null });
});

test("an app that ends before it listens is rolled back, with its log named", async () => {
  const port = await freePort();
  const { app, folder } = appOf({ port, command: ["sh", "-c", "echo broken config; exit 3"] });
  const error: unknown = await app.start().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MusterError);
  expect(error).toMatchObject({ code: "app_failed", hint: `see ${join(folder, "shop.log")}` });
  expect(app.runtime).toMatchObject({ state: "stopped", pid: null });
});

test("a command that does not exist is a clear failure, not a crash of the agent", async () => {
  const { app } = appOf({ port: await freePort(), command: ["/no/such/program"] });
  expect(await app.start().catch((thrown: unknown) => thrown)).toMatchObject({ code: "app_failed" });
});

test("a port that somebody else holds is refused before anything is started", async () => {
  const port = await freePort();
  const other = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("other") });
  const { app } = appOf({ port, command: serverCommand(port) });
  expect(await app.start().catch((thrown: unknown) => thrown)).toMatchObject({ code: "port_taken" });
  await other.stop(true);
});

test("an app that crashes is started again", async () => {
  const port = await freePort();
  const { app, until } = appOf({ port, command: serverCommand(port) });
  await app.start();
  const first = app.runtime.pid ?? 0;
  realWorld.processes.signalGroup(first, "SIGKILL");
  await until((runtime) => runtime.state === "crashed");
  await until((runtime) => runtime.state === "running" && runtime.pid !== first);
  expect(app.runtime.restarts).toBe(1);
});

test("the process outlives its agent and is adopted by the next; a reused pid is not", async () => {
  const port = await freePort();
  const first = appOf({ port, command: serverCommand(port) });
  await first.app.start();
  const known = first.app.runtime;
  first.app.release();
  const second = appOf({ port, command: serverCommand(port) });
  expect(second.app.adopt({ ...known, startMark: "another boot:1" })).toBe(false);
  expect(second.app.adopt(known)).toBe(true);
  expect(second.app.runtime).toMatchObject({ state: "running", pid: known.pid });
  await second.app.stop();
  expect(realWorld.processes.groupAlive(known.pid ?? 0)).toBe(false);
});

test("a log that outgrew its bound keeps its end beside it and goes on at its start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-log-"));
  folders.push(folder);
  const path = join(folder, "app.log");
  writeFileSync(path, Buffer.concat([Buffer.alloc(LOG_MAX_BYTES, "x"), Buffer.from("last line\n")]));
  expect(await rotateLog(realWorld.disk, path)).toBe(true);
  expect(statSync(path).size).toBe(0);
  expect(readFileSync(`${path}.1`, "utf8").endsWith("last line\n")).toBe(true);
  expect(await rotateLog(realWorld.disk, path)).toBe(false);
});

test("what is stopped, or let go, before its port was looked at does not start any more", async () => {
  for (const end of ["stop", "release"] as const) {
    const asked = Promise.withResolvers<void>();
    const refused = Promise.withResolvers<never>();
    let spawns = 0;
    const world = {
      ...realWorld,
      network: {
        ...realWorld.network,
        connect() {
          asked.resolve();
          return refused.promise;
        },
      },
      processes: {
        ...realWorld.processes,
        spawn() {
          spawns += 1;
          throw new Error("it was started");
        },
      },
    };
    const spec = { shareId: "s1", name: "shop", command: ["true"], folder: "/", port: 1, environment: {} };
    const app = new App({ ...spec, logPath: "/nowhere" }, { world, log: SILENT_LOG, changed() {} });
    const started = app.start().catch((error: unknown) => error);
    await asked.promise;
    await app[end]();
    refused.reject(new Error("nothing listens there"));
    expect(await started).toMatchObject({ code: "app_failed" });
    expect({ end, spawns }).toEqual({ end, spawns: 0 });
  }
});
