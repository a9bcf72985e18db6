// What a hub that lies could make a person's machine ask: nothing that is not on the public internet, or as near as
// the hub itself, and nothing but the root of a host there.
import { describe, expect, test } from "bun:test";
import { fakeSurroundings, HOME, type FakeSurroundings } from "../testing/fake-surroundings.ts";
import { deviceView, shareView } from "../testing/fake-views.ts";
import { FAKE_OFFER } from "../testing/fake-services.ts";
import { runCli } from "../run-cli.ts";

const HUB = "hub.example.com";
const HUB_ADDRESS = "1.1.1.1";

/** A home of a hub elsewhere, which says that its one share and its one service are at `url`. */
function told(url: string, addresses: Record<string, string> = {}): FakeSurroundings {
  const surroundings = fakeSurroundings();
  const { agent, files, paths } = surroundings;
  const joined = JSON.parse(files.get(`${HOME}/hub.json`) ?? "{}");
  files.set(`${HOME}/hub.json`, JSON.stringify({ ...joined, hub_url: `https://${HUB}`, embedded: false }));
  const services = FAKE_OFFER.services.map((one) => ({ ...one, url }));
  const pi = { ...deviceView({ name: "pi" }), ...FAKE_OFFER, services };
  agent.devices = [...(agent.devices ?? []), pi];
  agent.shares = [
    shareView({ name: "shop", url, access: "public", device_id: pi.id, device_name: "pi", links: [] }),
  ];
  paths.addresses = new Map(Object.entries({ [HUB]: HUB_ADDRESS, ...addresses }));
  return surroundings;
}

async function walked(surroundings: FakeSurroundings, target: string) {
  expect(await runCli(["why", target, "--json"], surroundings)).toBe(0);
  const { ok, hops, cause, fix } = JSON.parse(surroundings.stdout.text);
  const { reached, asked } = surroundings.paths;
  return { ok, first: hops[0], cause, fix, touched: [...reached, ...asked] };
}

describe("what is no address is broken, and nothing is asked", () => {
  for (const url of [
    "",
    "shop",
    "file:///etc/passwd",
    "ftp://shop.example.com/",
    "javascript:alert(1)",
    "https://user:secret@shop.example.com/",
    "https://shop.example.com/reboot",
    "https://shop.example.com/?delete=all",
    `https://${"a".repeat(300)}`,
  ]) {
    test(JSON.stringify(url.slice(0, 60)), async () => {
      for (const target of ["shop", "pi/grafana", "pi/postgres"]) {
        const { first, cause, touched, fix } = await walked(told(url), target);
        expect(first).toMatchObject({ name: "name", ok: false });
        expect(cause).toBe(
          `the hub says that ${target} is at "${url.slice(0, 200)}", which is no address of one`,
        );
        expect(fix).toContain("http:// or https://");
        expect(touched).toEqual([]);
      }
    });
  }
});

describe("what leads nearer to this machine than the hub itself is not asked", () => {
  const NEAR: [url: string, addresses: Record<string, string>][] = [
    ["http://127.0.0.1:3000/", { "127.0.0.1": "127.0.0.1" }],
    ["http://2130706433/", { "127.0.0.1": "127.0.0.1" }],
    ["http://[::1]:3000/", { "[::1]": "::1" }],
    ["http://[::ffff:10.0.0.1]/", { "[::ffff:a00:1]": "::ffff:10.0.0.1" }],
    ["http://0.0.0.0:3000/", { "0.0.0.0": "0.0.0.0" }],
    ["http://localhost:3000/", { localhost: "127.0.0.1" }],
    ["http://router.example.com/", { "router.example.com": "192.168.1.1" }],
    ["http://cloud.example.com/", { "cloud.example.com": "169.254.169.254" }],
    ["https://shop.example.com/", { "shop.example.com": "fd00::1" }],
  ];
  for (const [url, addresses] of NEAR) {
    test(url, async () => {
      for (const target of ["shop", "pi/grafana"]) {
        const { ok, first, cause, touched } = await walked(told(url, addresses), target);
        expect({ ok, first }).toMatchObject({ ok: false, first: { name: "name", ok: false } });
        expect(cause).toContain(`the hub says that ${target} is at ${new URL(url).hostname}, which leads`);
        expect(touched).toEqual([]);
      }
    });
  }

  test("by a proxy neither, as far as the address tells it", async () => {
    const surroundings = told("https://192.168.1.1/");
    surroundings.paths.proxy = "proxy.office";
    const { first, touched } = await walked(surroundings, "shop");
    expect({ first, touched }).toMatchObject({ first: { name: "proxy", ok: false }, touched: [] });
  });

  test("unless the hub is as near", async () => {
    const near = told("https://shop.example.com/", { "shop.example.com": "10.0.0.9", [HUB]: "10.0.0.1" });
    expect((await walked(near, "shop")).touched).toContain("10.0.0.9:443");
    const nearer = told("https://shop.example.com/", { "shop.example.com": "127.0.0.1", [HUB]: "10.0.0.1" });
    expect((await walked(nearer, "shop")).touched).toEqual([]);
  });

  test("unless the person names the address", async () => {
    const url = "http://router.example.com/";
    const { touched } = await walked(told(url, { "router.example.com": "192.168.1.1" }), url);
    expect(touched).toContain("192.168.1.1:80");
  });
});

test("what the internet has is asked, by IPv4 that a network translates too", async () => {
  for (const address of ["104.16.0.1", "2606:4700::6810:1", "64:ff9b::6810:1"]) {
    const surroundings = told("https://shop.example.com/", { "shop.example.com": address });
    expect((await walked(surroundings, "shop")).touched).toContain(`${address}:443`);
  }
});

test("a hub without a domain, elsewhere, is told to have one", async () => {
  const { fix } = await walked(
    told("http://shop.localhost:8080/", { "shop.localhost": "127.0.0.1" }),
    "shop",
  );
  expect(fix).toContain("muster hub --domain");
});

test("an address of another scheme names nothing", async () => {
  for (const target of ["file:///etc/passwd", "ftp://shop.example.com/"]) {
    const surroundings = told("https://shop.example.com/");
    expect(await runCli(["why", target], surroundings)).toBe(2);
    expect(surroundings.stderr.text).toContain("names no device, service, share or URL");
    expect(surroundings.paths.reached).toEqual([]);
  }
});
