// Named links with the real program: a hub with Cloudflare settings over a fake of its API, a device whose own
// configuration takes the link, and a cloudflared that carries nothing.
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeCloudflared } from "../../src/tunnels/fake-cloudflared.fixture.ts";
import { serveFakeCloudflare } from "../fakes/cloudflare/serve.ts";
import { Home } from "./harness.ts";
import { until } from "./until.ts";

/** A hub with Cloudflare settings over the fake of its API, and another home with a cloudflared that carries nothing. */
class Scene implements AsyncDisposable {
  readonly provider = serveFakeCloudflare({ now: () => Date.now(), zoneName: "example.com" });
  readonly fake = this.provider.fake;
  readonly owner = new Home();
  readonly device = new Home();
  readonly #helper = fakeCloudflared();

  async startHub(): Promise<{ token: string; local: string }> {
    const { owner, fake, provider } = this;
    const hub = owner.spawn(
      ["hub", "--json", "--host", "127.0.0.1", "--port", "0", "--domain", "example.com", "--behind-proxy"],
      {
        env: {
          CLOUDFLARE_ACCOUNT_ID: fake.accountId,
          CLOUDFLARE_ZONE_ID: fake.zoneId,
          CLOUDFLARE_TUNNEL_TOKEN: fake.token,
          MUSTER_CLOUDFLARE_API: provider.baseUrl,
        },
      },
    );
    await hub.firstJson();
    expect(hub.stderr).toContain("Cloudflare Tunnel service configured");
    const { token } = await owner.ok(["device", "token"]);
    const local = JSON.parse(readFileSync(join(owner.path, "hub.json"), "utf8")).local_url as string;
    return { token, local };
  }

  /** With the fake helper in PATH. */
  async environment(): Promise<{ PATH: string }> {
    const bin = join(this.device.folder, "path");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "cloudflared"), readFileSync((await this.#helper).program));
    chmodSync(join(bin, "cloudflared"), 0o700);
    return { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  }

  /** Names at the provider. */
  names(): string[] {
    return [...this.fake.state.records.values()].map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.device[Symbol.asyncDispose]();
    await this.owner[Symbol.asyncDispose]();
    await (await this.#helper)[Symbol.asyncDispose]();
    this.provider[Symbol.dispose]();
  }
}

test("a device that wants one gets a tunnel, a new secret, and nothing is left when it is removed", async () => {
  await using scene = new Scene();
  const { fake, owner, device } = scene;
  const { token, local } = await scene.startHub();
  const env = await scene.environment();
  const init = ["init", local, "--token", token, "--no-service", "--name", "pi", "--link", "named"];
  if (Bun.which("cloudflared") === null) {
    // No way to its makers: it can't be fetched either.
    expect(await device.refused(init, { env: { HTTPS_PROXY: "http://127.0.0.1:9" } })).toMatchObject({
      code: "unavailable",
      message: "cloudflared not found",
      hint: expect.stringContaining(join(device.path, "bin", "cloudflared")),
    });
  }
  const joined = await device.run(init, { env });
  expect(joined).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("Whoever holds the hub's Cloudflare"),
  });
  expect(readFileSync(join(device.path, "muster.toml"), "utf8")).toContain("[links]\nnamed = true\n");
  const agent = device.spawn(["agent", "--json"], { env });
  await agent.firstJson();

  const file = join(device.path, "tunnel-credentials.json");
  await until("the credentials", () => existsSync(file));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const first = JSON.parse(readFileSync(file, "utf8"));
  expect(fake.state.standing().map(({ id }) => id)).toEqual([first.TunnelID]);
  expect([...fake.state.records.values()].map((record) => record.name)).toEqual(["pi.example.com"]);
  await until("the sentence", async () =>
    (await device.ok(["status"])).notices.join(" ").includes("Whoever holds the hub's Cloudflare token"),
  );
  await until("the helper", () => agent.stderr.includes("named link") && agent.stderr.includes("connected"));

  await owner.ok(["device", "rotate", "pi"]);
  const second = await until("the new secret", () => {
    const now = JSON.parse(readFileSync(file, "utf8"));
    return now.TunnelSecret !== first.TunnelSecret && now;
  });
  expect(second.TunnelID).toBe(first.TunnelID);

  const before = fake.calls.length;
  await owner.ok(["device", "remove", "pi", "--yes"]);
  await until("the tunnel to be gone", () => fake.state.standing().length === 0);
  expect(fake.state.records.size).toBe(0);
  const changes = fake.calls.slice(before).filter((call) => !call.startsWith("GET "));
  const tunnel = `/accounts/${fake.accountId}/cfd_tunnel/${first.TunnelID}`;
  expect(changes.map((call) => call.replace(/^(DELETE \/zones\/.*\/dns_records)\/.*/, "$1"))).toEqual([
    `PATCH ${tunnel}`,
    `DELETE ${tunnel}/connections`,
    `DELETE /zones/${fake.zoneId}/dns_records`,
    `DELETE ${tunnel}`,
  ]);
  await until("the credentials to be gone", () => !existsSync(file));
}, 60_000);

test("a share goes by the named link at the address it would have anyway, and a new name moves the link", async () => {
  await using scene = new Scene();
  const { fake, owner, device } = scene;
  const { token, local } = await scene.startHub();
  const env = await scene.environment();
  await device.ok(["init", local, "--token", token, "--no-service", "--name", "pi", "--link", "named"], {
    env,
  });
  const agent = device.spawn(["agent", "--json"], { env });
  await agent.firstJson();
  await until(
    "the helper",
    () => agent.stderr.includes("connected") && scene.names().includes("pi.example.com"),
  );

  const site = join(device.folder, "site");
  mkdirSync(site);
  writeFileSync(join(site, "index.html"), "<h1>by the tunnel</h1>");
  const open = await device.ok(["add", site, "--public", "--name", "shop", "--link", "named"]);
  expect(open).toMatchObject({ name: "shop", url: "https://shop.example.com/" });
  expect(open.links).toContainEqual({ kind: "named", url: "https://shop.example.com/", state: "unknown" });
  const closed = await device.ok(["add", site, "--name", "blog", "--link", "named"]);
  const plain = await device.ok(["add", site, "--public", "--name", "docs"]);
  expect(scene.names()).toEqual(["blog.example.com", "pi.example.com", "shop.example.com"]);
  expect(new Set([...fake.state.records.values()].map(({ content }) => content)).size).toBe(1);

  const config = JSON.parse(readFileSync(join(device.path, "cloudflared/cloudflared.yml"), "utf8"));
  expect(config.ingress).toEqual([
    { hostname: "*.example.com", service: expect.stringMatching(/^unix:/) },
    { service: "http_status:404" },
  ]);
  const socket = config.ingress[0].service.slice("unix:".length);
  const ask = (host: string, path = "/", headers: Record<string, string> = {}) =>
    fetch(`http://${host}${path}`, { unix: socket, headers: { Host: host, ...headers } });
  expect(await (await ask("shop.example.com")).text()).toContain("by the tunnel");
  const refused = await ask("blog.example.com", "/", { "X-Forwarded-For": "127.0.0.1", Accept: "*/*" });
  expect(refused.status).toBe(401);
  const word = { "Muster-Password": closed.password ?? "" };
  expect((await ask("blog.example.com", "/", word)).status).toBe(200);
  // Not by this link, and not there at all.
  expect((await ask("docs.example.com")).status).toBe(404);
  expect((await ask("elsewhere.example.com")).status).toBe(404);
  expect((await ask("pi.example.com", "/health")).status).toBe(200);

  fake.state.addForeignRecord({ type: "A", name: "wiki.example.com", content: "203.0.113.7" });
  expect(await device.refused(["add", site, "--public", "--name", "wiki", "--link", "named"])).toMatchObject({
    code: "conflict",
    message: expect.stringContaining("A wiki.example.com"),
  });
  expect((await device.ok(["ls"])).shares.map(({ name }: { name: string }) => name)).not.toContain("wiki");

  await owner.ok(["device", "rename", "pi", "garden"]);
  await until("the link to move", () => scene.names().includes("garden.example.com"));
  await until("the former name to go", () => !scene.names().includes("pi.example.com"));
  await until("the device to know", async () => (await ask("garden.example.com", "/health")).status === 200);
  expect((await ask("pi.example.com", "/health")).status).toBe(404);
  expect(await (await ask("shop.example.com")).text()).toContain("by the tunnel");

  await device.ok(["rm", plain.id]);
  await device.ok(["rm", open.id]);
  await until("its record to go", () => !scene.names().includes("shop.example.com"));
  expect((await ask("shop.example.com")).status).toBe(404);
  await device.ok(["stop"]);
  writeFileSync(join(device.path, "muster.toml"), "[links]\nnamed = false\n", { mode: 0o600 });
  const again = device.spawn(["agent", "--json"], { env });
  await again.firstJson();
  await until("all of it to go", () => scene.names().join() === "wiki.example.com");
  await until("its tunnel to go", () => fake.state.standing().length === 0);
  await until("its credentials to go", () => !existsSync(join(device.path, "tunnel-credentials.json")));
  const { shares } = await device.ok(["ls"]);
  expect(shares).toMatchObject([{ name: "blog", url: "https://blog.example.com/" }]);
}, 60_000);

test("without settings a hub says so once, and a device is told what is missing", async () => {
  await using owner = new Home();
  const hub = owner.spawn(["hub", "--json", "--host", "127.0.0.1", "--port", "0"]);
  await hub.firstJson();
  expect(hub.stderr.split("Cloudflare Tunnel not configured - named links disabled")).toHaveLength(2);

  const { token } = await owner.ok(["device", "token"]);
  const local = JSON.parse(readFileSync(join(owner.path, "hub.json"), "utf8")).local_url as string;
  await using device = new Home();
  const init = ["init", local, "--token", token, "--no-service"];
  expect(await device.refused([...init, "--link", "named"])).toMatchObject({
    code: "unavailable",
    hint: expect.stringContaining("CLOUDFLARE_"),
  });
  // The token is as good as before.
  await device.ok([...init, "--link", "hub"]);
  await device.spawn(["agent", "--json"]).firstJson();
  await until("the hub", async () => (await device.ok(["status"])).hub.state === "connected");
  const site = join(device.folder, "site");
  mkdirSync(site);
  expect(await device.refused(["add", site, "--public", "--link", "named"])).toMatchObject({
    code: "conflict",
    hint: expect.stringContaining("CLOUDFLARE_"),
  });
});
