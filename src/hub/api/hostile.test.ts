import { describe, expect, test } from "bun:test";
import { HUB, PAGE, testHub, type TestHub } from "./hub.fixture.ts";

const CALLS = [
  "/api/login",
  "/api/sign-in",
  "/api/sign-out",
  "/api/access",
  "/api/account",
  "/api/device/log",
];

describe("a call from a foreign page", () => {
  test("is refused by its origin, exact with scheme and port", async () => {
    await using hub = await testHub();
    const { cookie, token } = await hub.home.person("owner");
    const foreign = [
      "http://evil.example",
      "http://muster.localhost",
      "http://muster.localhost:8081",
      "https://muster.localhost:8080",
      "http://blog.localhost:8080",
      "http://localhost:8080",
      "http://muster.localhost:8080.evil.example",
      "HTTP://MUSTER.LOCALHOST:8080",
      "null",
      "",
    ];
    for (const origin of foreign) {
      for (const path of CALLS) {
        expect((await hub.call(path, { body: {}, origin, cookie, token })).status).toBe(403);
      }
      expect((await hub.call("/api/fleet", { origin, token })).status).toBe(403);
    }
  });

  test("is refused by what the browser says of its site", async () => {
    await using hub = await testHub();
    const { cookie, token } = await hub.home.person("owner");
    for (const site of ["cross-site", "same-site"]) {
      const headers = { "sec-fetch-site": site };
      for (const path of CALLS) expect((await hub.call(path, { body: {}, headers, token })).status).toBe(403);
      expect((await hub.call("/api/fleet", { headers, token })).status).toBe(403);
      expect((await hub.call("/api/session", { headers, cookie })).status).toBe(403);
    }
    expect(
      (await hub.call("/api/fleet", { headers: { "sec-fetch-site": "same-origin" }, token })).status,
    ).toBe(200);
  });

  test("may not leave its origin out where it brings a cookie", async () => {
    await using hub = await testHub();
    const { cookie } = await hub.home.person("owner");
    for (const path of CALLS) expect((await hub.call(path, { body: {}, cookie })).status).toBe(403);
    expect((await hub.call("/api/sign-out", { body: {}, cookie, origin: PAGE })).status).toBe(200);
  });

  test("can't be a form", async () => {
    await using hub = await testHub();
    const { cookie } = await hub.home.person("owner");
    for (const type of [
      "application/x-www-form-urlencoded",
      "text/plain",
      "multipart/form-data; boundary=x",
    ]) {
      const headers = { "content-type": type };
      const answer = await hub.call("/api/sign-out", { body: '{"a":"b"}', headers, cookie, origin: PAGE });
      expect(answer.status).toBe(400);
    }
    expect(await (await hub.call("/api/session", { cookie })).json()).toMatchObject({
      user: { name: "owner" },
    });
  });
});

describe("a body", () => {
  const send =
    (hub: TestHub) =>
    async (body: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
      const answer = await hub.call("/api/device/log", { at: HUB, body, headers });
      return [answer.status, await answer.text()];
    };

  test("is read up to its bound, whatever its length says", async () => {
    await using hub = await testHub();
    const big = JSON.stringify({ pin: "x".repeat(70_000) });
    expect((await send(hub)(big))[0]).toBe(413);
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(16_384).fill(0x20)),
    });
    const headers = { "content-type": "application/json" };
    const request = new Request(`${HUB}/api/device/log`, { method: "POST", headers, body: endless });
    const answer = await hub.api.fetch(request, { visitor: "192.0.2.8", requestId: "endless" });
    expect(answer.status).toBe(413);
  });

  test("is JSON of at most 32 levels, in UTF-8, not compressed", async () => {
    await using hub = await testHub();
    const nested = (levels: number): string => `{"x":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    expect((await send(hub)(nested(32)))[1]).toContain('\\"pin\\"');
    for (const body of [nested(33), nested(30_000), "", "{", "nonsense", '{"pin":"\\', "\u0000"]) {
      expect((await send(hub)(body))[0]).toBe(400);
    }
    const bytes = new Request(`${HUB}/api/device/log`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect((await hub.api.fetch(bytes, { visitor: "192.0.2.8", requestId: "bytes" })).status).toBe(400);
    expect((await send(hub)("{}", { "content-encoding": "gzip" }))[0]).toBe(400);
  });

  test("is never told back, and fields we do not know count for nothing", async () => {
    await using hub = await testHub();
    const secret = "hunter2hunter2";
    for (const body of [
      `{"pin":{"${secret}":1}}`,
      `{"${secret}":1}`,
      `"${secret}"`,
      secret,
      `{"pin":"${secret}"}`,
      `{"pin":"${secret.repeat(10)}"}`,
    ]) {
      const [status, text] = await send(hub)(body);
      expect([400, 403]).toContain(status);
      expect(text).not.toContain("hunter2");
    }
    const { cookie } = await hub.home.person("owner");
    const odd = '{"__proto__":{"admin":true},"constructor":{},"user_id":"other"}';
    expect((await hub.call("/api/sign-out", { body: odd, cookie, origin: PAGE })).status).toBe(200);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

test("a bearer that is not good is refused, however it is written", async () => {
  await using hub = await testHub();
  const { token } = await hub.home.person("owner");
  const attempt = async (authorization: string): Promise<number> =>
    (await hub.call("/api/fleet", { headers: { authorization } })).status;
  expect(await attempt(`Bearer ${token}`)).toBe(200);
  for (const value of [
    `Basic ${token}`,
    "Bearer ",
    token,
    `Bearer ${token}x`,
    `Bearer ${token} x`,
    "Bearer ' or 1=1",
  ]) {
    expect(await attempt(value)).toBe(401);
  }
  expect((await hub.call("/api/fleet")).status).toBe(401);
});
