import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { SILENT_LOG } from "../protocol/log.ts";
import { MusterError } from "../protocol/errors.ts";
import { fakeCloudflared } from "../tunnels/fake-cloudflared.fixture.ts";
import { realWorld } from "../world/real.ts";
import { NamedTunnel, type NamedTunnelOptions } from "./named-tunnel.ts";
import { Notices } from "./notices.ts";
import { tempHome, testWorld, until, type TempHome } from "./testing.ts";

const TOLD = {
  account_tag: "0a11ce00000000000000000000000001",
  tunnel_id: "00000000-0000-4000-8000-000000000001",
  hostname: "pi.example.com",
  tunnel_secret: Buffer.alloc(32, 7).toString("base64"),
};

interface Bench {
  tunnel: NamedTunnel;
  notices: Notices;
  asked: AbortSignal[];
  time: ReturnType<typeof testWorld>["time"];
}

function bench(
  home: TempHome,
  {
    wanted = true,
    program = (): Promise<string> => new Promise(() => {}),
  }: {
    wanted?: boolean;
    program?: NamedTunnelOptions["program"];
  } = {},
): Bench {
  const world = testWorld();
  const notices = new Notices();
  const asked: AbortSignal[] = [];
  const tunnel = new NamedTunnel({
    world,
    gateway: { acceptSocket: () => ({ data() {}, drain() {}, end() {}, close() {} }) },
    shareAt: () => undefined,
    log: SILENT_LOG,
    notices,
    wanted,
    program: (stop) => {
      asked.push(stop);
      return Promise.race([program(stop), whenAborted(stop)]);
    },
    credentialsPath: home.file("tunnel-credentials.json"),
    folder: home.file("cloudflared"),
    socketPath: home.file("tunnel.sock"),
    hostname: () => "pi.example.com",
  });
  return { tunnel, notices, asked, time: world.time };
}

function whenAborted(stop: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    stop.addEventListener("abort", () => reject(new Error("stopped")));
  });
}

const credentials = (home: TempHome) => realWorld.disk.info(home.file("tunnel-credentials.json"));

test("credentials are taken at once, however long the helper takes to come; stopping ends the wait", async () => {
  await using home = await tempHome();
  const { tunnel, asked } = bench(home);
  expect(await tunnel.take(TOLD)).toBe(true);
  expect((await credentials(home))?.mode).toBe(0o600);
  await until(() => asked.length === 1);
  await tunnel.stop();
  expect(asked[0]?.aborted).toBe(true);
  expect(tunnel.state).toEqual({ state: "stopped" });
});

test("a helper that can't be had is said to be missing, and asked for again later", async () => {
  await using home = await tempHome();
  const missing = new MusterError("unavailable", "cloudflared not found", { hint: "install it" });
  const { tunnel, notices, asked, time } = bench(home, { program: () => Promise.reject(missing) });
  await tunnel.take(TOLD);
  await until(() => notices.all().includes("cloudflared not found: install it"));
  expect(asked).toHaveLength(1);
  time.advance(5 * 60_000);
  await until(() => asked.length === 2);
  await tunnel.stop();
  time.advance(60 * 60_000);
  expect(asked).toHaveLength(2);
});

test("an offer that is not taken stays on offer; a link that was taken and no longer is goes whole", async () => {
  await using home = await tempHome();
  writeFileSync(home.file("tunnel-credentials.json"), "{}", { mode: 0o600 });
  const { tunnel, notices } = bench(home, { wanted: false });
  let told = 0;
  const tell = () => Promise.resolve((told += 1));
  await tunnel.start();
  await tunnel.leave(tell);
  expect(told).toBe(0);
  expect(notices.all().join()).toContain("named = true");

  mkdirSync(home.file("cloudflared"), { mode: 0o700 });
  const away = new MusterError("hub_unreachable", "the hub is away");
  expect(await tunnel.leave(() => Promise.reject(away)).catch((error: unknown) => error)).toBe(away);
  expect(await credentials(home)).toBeDefined();
  await tunnel.leave(tell);
  expect(told).toBe(1);
  expect(await credentials(home)).toBeUndefined();
  expect(await realWorld.disk.info(home.file("cloudflared"))).toBeUndefined();
  expect(notices.all()).toEqual([]);
});

test("it runs its helper with every name beside the device's own", async () => {
  await using home = await tempHome();
  await using helper = await fakeCloudflared();
  const { tunnel, notices, time } = bench(home, { program: () => Promise.resolve(helper.program) });
  await tunnel.take(TOLD);
  await until(async () => (await realWorld.disk.info(home.file("cloudflared/fake-started"))) !== undefined);
  const config = JSON.parse(
    Buffer.from(await realWorld.disk.read(home.file("cloudflared/cloudflared.yml"))).toString(),
  );
  expect(config.ingress[0]).toEqual({
    hostname: "*.example.com",
    service: `unix:${home.file("tunnel.sock")}`,
  });
  expect(notices.all().join()).toContain("Whoever holds the hub's Cloudflare token");
  const stopped = tunnel.stop();
  await until(() => {
    time.advance(50);
    return tunnel.state.state === "stopped";
  });
  await stopped;
});
