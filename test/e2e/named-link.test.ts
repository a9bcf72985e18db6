// Named links with the real program: a hub with Cloudflare settings over a fake of its API, a device whose own
// configuration takes the link, and a cloudflared that carries nothing.
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeCloudflared } from "../../src/tunnels/fake-cloudflared.fixture.ts";
import { serveFakeCloudflare } from "../fakes/cloudflare/serve.ts";
import { Home } from "./harness.ts";
import { until } from "./until.ts";

test("a device that wants one gets a tunnel, a new secret, and nothing is left when it is removed", async () => {
  using provider = serveFakeCloudflare({ now: () => Date.now(), zoneName: "example.com" });
  const { fake } = provider;
  await using owner = new Home();
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

  await using device = new Home();
  await using helper = await fakeCloudflared();
  const bin = join(device.folder, "path");
  mkdirSync(bin);
  writeFileSync(join(bin, "cloudflared"), readFileSync(helper.program));
  chmodSync(join(bin, "cloudflared"), 0o700);
  const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
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
});
