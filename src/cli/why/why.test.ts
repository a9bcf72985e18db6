import { describe, expect, test } from "bun:test";
import { runCli } from "../run-cli.ts";
import { ago, deviceView, HUB_URL, shareView } from "../testing/fake-views.ts";
import { NONCE } from "../testing/fake-paths.ts";
import { FAKE_OFFER } from "../testing/fake-services.ts";
import { fakeSurroundings, HOME, type FakeSurroundings } from "../testing/fake-surroundings.ts";
import type { Hop } from "./walk.ts";

const SHOP = "https://shop.example.com/";
const PROOF = `${SHOP}.muster/proof`;

interface Walked {
  ok: boolean;
  hops: Hop[];
  cause: string | null;
  fix: string | null;
}

/** All is well: a pi with services, an app of it at an address of its own. */
function allWell(): FakeSurroundings {
  const surroundings = fakeSurroundings();
  const { agent, paths } = surroundings;
  const pi = { ...deviceView({ name: "pi", latency_ms: 12 }), ...FAKE_OFFER };
  agent.devices = [...(agent.devices ?? []), pi];
  agent.shares = [
    shareView({ name: "shop", url: SHOP, access: "public", device_id: pi.id, device_name: "pi", links: [] }),
  ];
  const facts = {
    hub_id: "hub1",
    hub_key: "a2V5",
    hub_url: HUB_URL,
    page_url: null,
    version: "0.1.0",
    protocol: [1],
    claimed: true,
  };
  paths.answers.set(`${HUB_URL}/api/hub`, says(200, facts));
  paths.answers.set(PROOF, says(200, { nonce: NONCE, mac: "bWFj", target: "ok" }));
  paths.answers.set(SHOP, says(200, "<h1>shop</h1>"));
  paths.answers.set("https://example.com/d/", says(200, "grafana"));
  return surroundings;
}

function says(status: number, body: object | string) {
  return { status, server: null, body: typeof body === "string" ? body : JSON.stringify(body) };
}

function problem(hop: string, code: string, message: string) {
  return says(503, { error: { code, message, hint: "do this", hop, request_id: "1" } });
}

async function why(surroundings: FakeSurroundings, ...words: string[]): Promise<Walked> {
  expect(await runCli(["why", ...words, "--json"], surroundings)).toBe(0);
  return JSON.parse(surroundings.stdout.text);
}

function states({ hops }: Walked): Record<string, boolean | null> {
  return Object.fromEntries(hops.map(({ name, ok }) => [name, ok]));
}

describe("where all is well, every hop is named", () => {
  test("to a device", async () => {
    const walked = await why(allWell(), "pi");
    expect(walked).toMatchObject({
      ok: false,
      cause: "postgres on pi is down: nothing listens on port 5432",
    });
    expect(states(walked)).toEqual({
      name: true,
      address: true,
      hub: true,
      "this machine": true,
      session: true,
      agent: true,
      "service grafana": true,
      "service postgres": false,
    });
  });

  test("to a service, by a ticket of this machine's own", async () => {
    const surroundings = allWell();
    const walked = await why(surroundings, "pi/grafana");
    expect(walked).toMatchObject({ ok: true, cause: null, fix: null });
    expect(walked.hops.at(-1)).toMatchObject({
      name: "answer",
      ok: true,
      detail: "it answers with 200, asked at https://example.com/d/abcdefg-hijklmn-opqrstu-vwxyz23/grafana/",
    });
    expect(states(walked)).toHaveProperty("tls", true);
    // By the address that programs are given too, and not only up to the hub that it begins with.
    expect(await why(allWell(), `${HUB_URL}/d/pi/grafana/some/page?q=1`)).toEqual(walked);
    const down = await why(allWell(), `${HUB_URL}/d/pi/postgres/`);
    expect(states(down)).toMatchObject({ "service postgres": false });
  });

  test("to a share, by its name or its address", async () => {
    const walked = await why(allWell(), "shop");
    expect(states(walked)).toEqual({
      name: true,
      address: true,
      tls: true,
      hub: true,
      session: true,
      gateway: true,
      port: true,
      answer: true,
    });
    expect(await why(allWell(), SHOP)).toEqual(walked);
    expect(await why(allWell(), "shop.example.com/some/page")).toEqual(walked);
  });

  test("what is behind a password is asked no further than its port", async () => {
    const surroundings = allWell();
    surroundings.agent.shares = surroundings.agent.shares.map((one) => ({ ...one, access: "password" }));
    const walked = await why(surroundings, "shop");
    expect(walked.ok).toBe(true);
    expect(walked.hops.at(-1)).toMatchObject({ name: "answer", ok: null });
    expect(surroundings.paths.asked).not.toContain(SHOP);
  });

  test("by a proxy, which alone is seen", async () => {
    const surroundings = allWell();
    surroundings.paths.proxy = "proxy.office";
    const walked = await why(surroundings, "shop");
    expect(walked.hops[0]).toMatchObject({ name: "proxy", ok: null });
    expect(states(walked)).not.toHaveProperty("name");
  });
});

type Fault = [
  name: string,
  target: string,
  hop: string,
  cause: string,
  break_: (all: FakeSurroundings) => void,
];

const FAULTS: Fault[] = [
  [
    "an unknown name",
    "shop",
    "name",
    "shop.example.com has no address",
    ({ paths }) => paths.unknown.add("shop.example.com"),
  ],
  [
    "nothing listens",
    "shop",
    "address",
    "the machine answers, but nothing listens on its port 443",
    ({ paths }) => paths.unreachable.set("192.0.2.7:443", "ECONNREFUSED"),
  ],
  [
    "a firewall",
    "shop",
    "address",
    "shop.example.com does not answer (ETIMEDOUT)",
    ({ paths }) => paths.unreachable.set("192.0.2.7:443", "ETIMEDOUT"),
  ],
  [
    "an old certificate",
    "shop",
    "tls",
    "the certificate of shop.example.com has expired",
    ({ paths }) => paths.untrusted.set("shop.example.com", "CERT_HAS_EXPIRED"),
  ],
  [
    "a certificate for others",
    "shop",
    "tls",
    "the certificate that answers there is not for shop.example.com",
    ({ paths }) => paths.untrusted.set("shop.example.com", "ERR_TLS_CERT_ALTNAME_INVALID"),
  ],
  [
    "a private authority",
    "shop",
    "tls",
    "this machine does not trust who signed the certificate of shop.example.com",
    ({ paths }) => paths.untrusted.set("shop.example.com", "DEPTH_ZERO_SELF_SIGNED_CERT"),
  ],
  [
    "a hub that hangs",
    "pi",
    "hub",
    "the hub takes the connection and does not answer",
    ({ paths }) => paths.answers.set(`${HUB_URL}/api/hub`, "ETIMEDOUT"),
  ],
  [
    "another hub",
    "pi",
    "hub",
    "another hub answers at that address",
    ({ paths }) => {
      const answer = paths.answers.get(`${HUB_URL}/api/hub`);
      if (typeof answer !== "object") throw new Error("the hub says nothing");
      paths.answers.set(`${HUB_URL}/api/hub`, { ...answer, body: answer.body.replace("hub1", "hub2") });
    },
  ],
  [
    "something else in the hub's place",
    "pi",
    "hub",
    "nginx answers with 502, and it is no Muster hub",
    ({ paths }) => paths.answers.set(`${HUB_URL}/api/hub`, { ...says(502, "Bad Gateway"), server: "nginx" }),
  ],
  [
    "an agent that the hub refuses",
    "pi",
    "this machine",
    "the agent here is not connected: revoked",
    ({ agent }) => {
      agent.hub = { ...agent.hub, state: "refused", reason: "revoked" };
      agent.devices = undefined;
    },
  ],
  [
    "a home without an agent and without a controller's key",
    "pi",
    "this machine",
    "no agent runs here",
    ({ agent, files }) => {
      agent.running = false;
      const joined = files.get(`${HOME}/hub.json`) ?? "";
      files.set(`${HOME}/hub.json`, JSON.stringify({ ...JSON.parse(joined), controller: false }));
    },
  ],
  [
    "a device that is away",
    "pi",
    "session",
    "pi is offline: it was last seen 2 h ago",
    ({ agent }) => {
      agent.devices = agent.devices?.map((one) => ({ ...one, status: "offline", last_seen: ago(7_200_000) }));
    },
  ],
  [
    "a service whose port is closed",
    "pi/postgres",
    "service postgres",
    "postgres on pi is down: nothing listens on port 5432",
    () => {},
  ],
  [
    "a service that is slow",
    "pi/grafana",
    "answer",
    "at the service: too slow",
    ({ paths }) => paths.answers.set("https://example.com/d/", problem("service", "app_timeout", "too slow")),
  ],
  [
    "another machine at the share's name",
    "shop",
    "gateway",
    "Caddy answers with 200 in place of this fleet",
    ({ paths }) => paths.answers.set(PROOF, { ...says(200, "hello"), server: "Caddy" }),
  ],
  [
    "an old answer",
    "shop",
    "gateway",
    "something answers with 200 in place of this fleet",
    ({ paths }) => paths.answers.set(PROOF, says(200, { nonce: "o".repeat(43), mac: "bWFj", target: "ok" })),
  ],
  [
    "a device that went away meanwhile",
    "shop",
    "gateway",
    "at the device: gone",
    ({ paths }) => paths.answers.set(PROOF, problem("device", "device_offline", "gone")),
  ],
  [
    "an app that is not running",
    "shop",
    "port",
    "shop: the app takes no connections",
    ({ paths }) => paths.answers.set(PROOF, says(200, { nonce: NONCE, mac: "bWFj", target: "refused" })),
  ],
  [
    "an app that breaks",
    "shop",
    "answer",
    "everything on the way works; what answers there says 500",
    ({ paths }) => paths.answers.set(SHOP, says(500, "oops")),
  ],
];

describe("the first broken hop is named, with its cause and a fix", () => {
  for (const [name, target, hop, cause, break_] of FAULTS) {
    test(name, async () => {
      const surroundings = allWell();
      break_(surroundings);
      const walked = await why(surroundings, target);
      const first = walked.hops.find(({ ok }) => ok === false);
      expect({ hop: first?.name, cause: walked.cause, ok: walked.ok }).toEqual({ hop, cause, ok: false });
      expect(walked.fix).toBeString();
      const behind = walked.hops.slice(walked.hops.findIndex(({ ok }) => ok === false) + 1);
      expect(behind.every(({ ok, detail }) => ok === null && detail === "not reached")).toBe(true);
    });
  }
});

test("what nobody knows is an error, and so is what names nothing", async () => {
  for (const [target, code, problemText] of [
    ["nobody", 1, 'no device and no share here is called "nobody"'],
    ["a/b/c", 2, '"a/b/c" names no device, service, share or URL'],
    ["pi/nothing", 1, 'pi has no service "nothing"'],
  ] as const) {
    const surroundings = allWell();
    expect(await runCli(["why", target], surroundings)).toBe(code);
    expect(surroundings.stderr.text).toContain(problemText);
  }
});

test("any URL can be walked, by a home that has joined nothing too", async () => {
  const surroundings = allWell();
  for (const name of ["agent.json", "hub.json", "token"]) surroundings.files.delete(`${HOME}/${name}`);
  surroundings.agent.running = false;
  expect(await why(surroundings, SHOP)).toMatchObject({ ok: true });
  const other = allWell();
  other.files.delete(`${HOME}/hub.json`);
  other.agent.running = false;
  expect(await runCli(["why", "pi"], other)).toBe(1);
  expect(other.stderr.text).toContain("this home has joined no hub");
});

test("a controller's home without an agent says that its key alone speaks with the hub", async () => {
  const surroundings = allWell();
  surroundings.agent.running = false;
  const { hops } = await why(surroundings, "pi");
  expect(hops.find(({ name }) => name === "this machine")?.detail).toContain("no agent runs here");
});

test("--strict makes a broken path a failure", async () => {
  const surroundings = allWell();
  expect(await runCli(["why", "pi/postgres", "--strict"], surroundings)).toBe(1);
  expect(surroundings.stdout.text).toContain("broken  service postgres");
  expect(surroundings.stderr.text).toContain("the path to pi/postgres is broken");
});
