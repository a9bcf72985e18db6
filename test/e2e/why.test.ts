// `muster why` against faults that are real: programs killed and halted, ports closed, certificates for others.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Authority, hasOpenssl } from "../../src/world/certificates.fixture.ts";
import { app, type App } from "./app.ts";
import { agentIn, Home, hubIn, portOf, signal, type Running } from "./harness.ts";
import { until } from "./until.ts";

const owner = new Home();
const pi = new Home();
const den = new Home();
let hub: Running;
let port: number;
let web: App;

interface Walked {
  ok: boolean;
  hops: { name: string; ok: boolean | null; ms: number | null; detail: string }[];
  cause: string | null;
  fix: string | null;
}

/** As `[first broken hop, cause]`; both undefined where all is well. */
async function broken(home: Home, target: string): Promise<[string?, string?]> {
  const walked = (await home.ok(["why", target])) as Walked;
  const at = walked.hops.find(({ ok }) => ok === false)?.name;
  expect(walked.ok).toBe(at === undefined);
  expect(walked.fix === null).toBe(walked.ok);
  return at === undefined ? [] : [at, walked.cause ?? ""];
}

beforeAll(async () => {
  const started = await hubIn(owner);
  hub = started.hub;
  port = portOf(started.hub_url);
  web = await app(pi);
  pi.configure(`[services.web]\nport = ${web.port}\n`);
  await agentIn(pi, { owner, hubUrl: started.hub_url, name: "pi" });
  await agentIn(den, { owner, hubUrl: started.hub_url, name: "den" });
  await until("the state of its service", async () => {
    const { services } = await owner.ok(["device", "show", "pi"]);
    return services?.[0]?.state === "up";
  });
});
afterAll(async () => {
  await pi[Symbol.asyncDispose]();
  await den[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

test("where all is well it says so, to a device, a service and its address, a share", async () => {
  const { url } = await pi.add(String(web.port), "--name", "shop", "--public");
  for (const target of ["pi", "pi/web", `http://web--pi.localhost:${port}/`, "shop", url]) {
    expect([target, ...(await broken(owner, target))]).toEqual([target]);
  }
  const walked = (await owner.ok(["why", "shop"])) as Walked;
  expect(walked.hops.map(({ name }) => name)).toEqual([
    "name",
    "address",
    "hub",
    "session",
    "gateway",
    "port",
    "answer",
  ]);
  // From a member, which opens no services.
  expect(await broken(den, "pi/web")).toEqual([]);
});

test("an app that was killed is named, behind a share and behind a service", async () => {
  await web.process.kill();
  const [at, cause] = await broken(owner, "pi/web");
  // The device looks every ten seconds; a request sees it at once.
  expect(["service web", "answer"]).toContain(at ?? "");
  expect(cause).toMatch(/nothing .*port/i);
  // The agent's last look at the app's port may be a moment old too.
  const [hop, told] = await broken(owner, "shop");
  expect(["port", "answer"]).toContain(hop ?? "");
  expect(told).toMatch(/the app takes no connections|accepts connections on port/);
  web = await app(pi, web.port);
});

test("an agent that is halted is not taken for one that answers", async () => {
  signal(pi.agentPid(), "SIGSTOP");
  try {
    const [at] = await broken(owner, "pi");
    expect(["session", "agent"]).toContain(at ?? "");
  } finally {
    signal(pi.agentPid(), "SIGCONT");
  }
});

test("an agent that was killed is offline, with the time it was last seen", async () => {
  signal(pi.agentPid(), "SIGKILL");
  const [at, cause] = await until("the hub to notice", async () => {
    const seen = await broken(owner, "pi");
    return seen[0] === "session" ? seen : undefined;
  });
  expect([at, cause]).toEqual(["session", expect.stringMatching(/^pi is offline: it was last seen/)]);
});

test("a hub that was killed does not listen; what is then not known is not guessed", async () => {
  signal(hub.process.pid ?? 0, "SIGKILL");
  await hub.exited;
  for (const target of ["pi", "nobody"]) {
    const [at, cause] = await broken(den, target);
    expect([at, cause]).toEqual(["address", `the machine answers, but nothing listens on its port ${port}`]);
  }
  const other = new Home();
  try {
    await hubIn(other, port);
    expect(await broken(den, "pi")).toEqual(["hub", "another hub answers at that address"]);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

describe.skipIf(!hasOpenssl)("TLS", () => {
  test("of an authority that is not trusted, or for another name, is named as such", async () => {
    using authority = new Authority();
    const { cert, key } = authority.issue("far", ["far.test"]);
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: Bun.file(cert), key: Bun.file(key) },
      fetch: () => new Response("far"),
    });
    const url = `https://127.0.0.1:${server.port}/`;
    expect(await broken(den, url)).toEqual([
      "tls",
      "this machine does not trust who signed the certificate of 127.0.0.1",
    ]);
    const trusting = { env: { NODE_EXTRA_CA_CERTS: authority.ca } };
    const { hops, cause } = (await den.ok(["why", url], trusting)) as Walked;
    expect([hops.find(({ ok }) => ok === false)?.name, cause]).toEqual([
      "tls",
      "the certificate that answers there is not for 127.0.0.1",
    ]);
  });
});
