import { describe, expect, test } from "bun:test";
import { assertComplete, everyRow } from "../../protocol/permissions.ts";
import { HUB, METRICS_TOKEN, PAGE, testHub } from "./hub.fixture.ts";

const JSON_TYPE = "application/json";
const NAVIGATION = { "sec-fetch-mode": "navigate", "sec-fetch-site": "none", accept: "text/html" };

describe("the API", () => {
  test("has a row in the authorization table for each route, and says so of others", async () => {
    await using hub = await testHub();
    const rows = everyRow()
      .filter((row) => row.by === "route")
      .map((row) => row.name);
    for (const route of hub.api.routes) expect(rows).toContain(route);
    expect(() => assertComplete({ routes: ["GET /api/everything"], messages: [] })).toThrow(
      "GET /api/everything",
    );
    expect(() => assertComplete({ routes: [], messages: ["sudo"] })).toThrow('message "sudo" has 0 rows');
  });

  test("is healthy, exactly so, on every host of the hub and from anywhere", async () => {
    await using hub = await testHub();
    for (const at of [HUB, PAGE, "http://127.0.0.1:8080", "http://203.0.113.5:8080"]) {
      const response = await hub.call("/health", { at, headers: { "sec-fetch-site": "cross-site" } });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('{"status":"healthy"}');
    }
    expect((await hub.call("/health", { at: "http://stranger.example" })).status).toBe(404);
    const head = await hub.call("/health", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("stamps every answer with its request, its date, and what keeps browsers careful", async () => {
    await using hub = await testHub();
    for (const path of ["/health", "/", "/nothing.js", "/api/nothing", "/api/login"]) {
      const { headers } = await hub.call(path);
      expect(headers.get("muster-request-id")).toMatch(/^test-\d+$/);
      expect(headers.get("date")).toBe("Fri, 20 Nov 2026 06:00:00 GMT");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("says to HEAD how long the answer to GET is", async () => {
    await using hub = await testHub();
    for (const path of ["/", "/health", "/api/hub", "/api/nothing", "/nothing.js"]) {
      const got = await hub.call(path);
      const head = await hub.call(path, { method: "HEAD" });
      const length = String((await got.arrayBuffer()).byteLength);
      expect([path, head.status, head.headers.get("content-length")]).toEqual([path, got.status, length]);
      expect(await head.text()).toBe("");
    }
  });

  test("tells who the hub is", async () => {
    await using hub = await testHub();
    const facts = (await (await hub.call("/api/hub", { at: HUB })).json()) as Record<string, unknown>;
    expect(facts).toMatchObject({
      hub_url: HUB,
      page_url: PAGE,
      version: "0.1.0",
      protocol: [1],
      claimed: false,
      links: ["hub"],
    });
    await hub.home.person("owner");
    expect(await (await hub.call("/api/hub")).json()).toMatchObject({ claimed: true });
  });

  test("answers unknown calls as JSON, and known ones by their methods", async () => {
    await using hub = await testHub();
    const unknown = await hub.call("/api/nothing", { headers: NAVIGATION });
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get("content-type")).toBe(JSON_TYPE);
    expect(await unknown.json()).toEqual({ error: { code: "not_found", message: "there is no such call" } });
    const wrong = await hub.call("/api/login");
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
    const put = await hub.call("/api/session", { method: "PUT", body: {} });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    const preflight = await hub.call("/api/session", { method: "OPTIONS", origin: "http://evil.example" });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([405, null]);
    expect((await hub.call("/anything", { body: {} })).headers.get("allow")).toBe("GET, HEAD");
  });

  test("tells nothing of what failed inside", async () => {
    await using hub = await testHub();
    hub.parts.fleet.viewOf = () => {
      throw new Error("the password is hunter2");
    };
    const { token } = await hub.home.person("owner");
    const response = await hub.call("/api/fleet", { token });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: { code: "internal", message: "internal error" } });
  });

  test("gives metrics to this machine and to who has the token, and to nobody behind a tunnel", async () => {
    await using hub = await testHub();
    const local = { at: HUB, visitor: "127.0.0.1" };
    const read = await hub.call("/metrics", local);
    expect(read.status).toBe(200);
    expect(read.headers.get("content-type")).toContain("text/plain");
    expect((await hub.call("/metrics", { at: HUB, visitor: "192.0.2.7" })).status).toBe(403);
    expect((await hub.call("/metrics", { at: "http://203.0.113.5:8080", visitor: "127.0.0.1" })).status).toBe(
      404,
    );
    for (const header of ["x-forwarded-for", "forwarded", "cf-connecting-ip", "via"]) {
      expect((await hub.call("/metrics", { ...local, headers: { [header]: "1" } })).status).toBe(404);
    }
    expect((await hub.call("/metrics", { ...local, carried: true })).status).toBe(404);
    expect((await hub.call("/metrics", { at: HUB, token: METRICS_TOKEN })).status).toBe(200);
    expect((await hub.call("/metrics", { at: HUB, token: `${METRICS_TOKEN}x` })).status).toBe(401);
    expect((await hub.call("/api/fleet", { token: METRICS_TOKEN })).status).toBe(401);
  });

  test("names to a TLS terminator on this machine what gets a certificate, and nothing else", async () => {
    await using hub = await testHub();
    const { deviceId } = await hub.home.device("pi");
    await hub.home.share(deviceId, "blog");
    const ask = async (domain: string, visitor = "127.0.0.1"): Promise<number> =>
      (await hub.call(`/api/tls/ask?domain=${domain}`, { at: HUB, visitor })).status;
    expect(await ask("blog.localhost")).toBe(200);
    expect(await ask("PI.localhost")).toBe(200);
    expect(await ask("nothing.localhost")).toBe(404);
    expect(await ask("grafana--pi.localhost")).toBe(200);
    for (const name of ["grafana--blog", "grafana--nothing", "a--b--pi", "--pi", "xn--pi"]) {
      expect(await ask(`${name}.localhost`)).toBe(404);
    }
    expect(await ask("evil.example")).toBe(404);
    expect(await ask("")).toBe(404);
    expect(await ask("blog.localhost", "192.0.2.7")).toBe(403);
  });
});

describe("the page", () => {
  test("comes with the strictest policy, from its own host", async () => {
    await using hub = await testHub();
    const response = await hub.call("/", { headers: NAVIGATION });
    expect(await response.text()).toBe("<!doctype html>the page");
    expect(response.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types muster",
    );
    expect(response.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(response.headers.get("cache-control")).toBe("no-cache");
  });

  test("keeps named files for good, sends brotli to who takes it, and nothing twice", async () => {
    await using hub = await testHub();
    const path = "/assets/app-1a2b.js";
    const plain = await hub.call(path, { headers: { "accept-encoding": "gzip, br;q=0" } });
    expect([await plain.text(), plain.headers.get("content-encoding")]).toEqual(["script", null]);
    expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const small = await hub.call(path, { headers: { "accept-encoding": "gzip, br" } });
    expect([await small.text(), small.headers.get("content-encoding")]).toEqual(["br", "br"]);
    expect(small.headers.get("vary")).toBe("Accept-Encoding");
    const again = await hub.call(path, { headers: { "if-none-match": 'W/"a1", "b"' } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  test("answers for its own places, not for files that are not there", async () => {
    await using hub = await testHub();
    for (const path of ["/devices/pi", "/pair"]) {
      expect(await (await hub.call(path, { headers: NAVIGATION })).text()).toContain("the page");
    }
    expect((await hub.call("/devices/pi")).status).toBe(404);
    for (const path of ["/missing.js", "/..%2findex.html", "/assets/", "/.env"]) {
      expect((await hub.call(path, { headers: { "sec-fetch-mode": "no-cors" } })).status).toBe(404);
    }
  });

  test("is where the hub's other hosts send a browser", async () => {
    await using hub = await testHub();
    const sent = await hub.call("/devices?x=1", { at: HUB, headers: NAVIGATION });
    expect([sent.status, sent.headers.get("location")]).toEqual([303, `${PAGE}/devices?x=1`]);
    expect((await hub.call("/app.js", { at: HUB })).status).toBe(404);
    const slashes = await hub.call("//evil.example/x", { at: HUB, headers: NAVIGATION });
    expect(slashes.headers.get("location") ?? PAGE).toStartWith(PAGE);
  });

  test("is itself behind a forwarded port of one's own machine, with the origin it has there", async () => {
    await using hub = await testHub();
    const at = "http://muster.localhost:9000";
    expect(await (await hub.call("/", { at, headers: NAVIGATION })).text()).toContain("the page");
    expect((await hub.call("/api/sign-out", { at, origin: at, body: {} })).status).toBe(200);
    expect((await hub.call("/api/sign-out", { at, origin: PAGE, body: {} })).status).toBe(403);
    expect((await hub.call("/api/sign-out", { origin: at, body: {} })).status).toBe(403);
    await using open = await testHub({ pageOrigin: "https://muster.example" });
    const secure = { origin: "https://muster.example", body: {} };
    expect((await open.call("/api/sign-out", { ...secure, at: "http://muster.example:443" })).status).toBe(
      200,
    );
    expect((await open.call("/api/sign-out", { ...secure, at: "http://muster.example:444" })).status).toBe(
      404,
    );
  });

  test("is explained where nobody can open it", async () => {
    await using hub = await testHub();
    const far = await hub.call("/", { at: "http://203.0.113.5:8080", headers: NAVIGATION });
    expect(far.status).toBe(200);
    expect(await far.text()).toContain("ssh -L 8080:127.0.0.1:8080 203.0.113.5");
    await using bare = await testHub({ pageOrigin: undefined });
    expect(await (await bare.call("/", { at: HUB })).text()).toContain("shows no page");
    expect((await bare.call("/api/session", { at: HUB })).status).toBe(404);
  });
});
