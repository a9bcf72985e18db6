import { describe, expect, test } from "bun:test";
import { signedBytes } from "../../protocol/signed.ts";
import { decodeTicket } from "../../protocol/ticket.ts";
import { HUB, PAGE, testHub, type TestHub } from "./hub.fixture.ts";

const NONCE = "A".repeat(43);
const OWN_PAGE = { "sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin", accept: "text/html" };
const ELSEWHERE = { "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site", accept: "text/html" };

async function withDoor(): Promise<{ hub: TestHub; cookie: string; userId: string }> {
  const hub = await testHub();
  const { deviceId } = await hub.home.device("pi");
  await hub.home.share(deviceId, "blog");
  await hub.home.share(deviceId, "open", "public");
  return { hub, ...(await hub.home.person("owner")) };
}

describe("the door to a share", () => {
  test("gives a ticket for one share, host, visitor and nonce, signed by the hub, for a minute", async () => {
    const { hub, cookie, userId } = await withDoor();
    await using _ = hub;
    const answer = await hub.call("/api/access", {
      body: { to: "Blog.localhost:8080", nonce: NONCE },
      cookie,
      origin: PAGE,
    });
    const { url } = (await answer.json()) as { url: string };
    expect(url).toStartWith("http://blog.localhost:8080/.muster/ticket#");
    const ticket = decodeTicket(url.slice(url.indexOf("#") + 1));
    if (ticket === undefined) throw new Error("that is no ticket");
    const { claims, signature } = ticket;
    expect(claims).toEqual({
      share: "share-blog",
      host: "blog.localhost:8080",
      visitor: userId,
      nonce: new Uint8Array(32),
      expiresAt: hub.clock.now() + 60_000,
    });
    expect(hub.crypto.verifyEd25519(hub.hubSigner.publicKey, signedBytes("ticket", claims), signature)).toBe(
      true,
    );
  });

  test("waits for a click when a visit comes from elsewhere", async () => {
    const { hub, cookie } = await withDoor();
    await using _ = hub;
    const path = `/access?to=blog.localhost:8080&nonce=${NONCE}`;
    for (const headers of [
      ELSEWHERE,
      { ...ELSEWHERE, "sec-fetch-site": "same-site" },
      { accept: "text/html" },
    ]) {
      const text = await (await hub.call(path, { cookie, headers })).text();
      expect(text).toContain('data-auto="no"');
      expect(text).toContain("blog.localhost:8080");
      expect(text).toContain("<b>pi</b>");
    }
    const page = await hub.call(path, { cookie, headers: ELSEWHERE });
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect((await hub.call("/access.js")).headers.get("content-type")).toContain("text/javascript");
  });

  test("is at the page's host, to which the hub's other names send a browser", async () => {
    const { hub, cookie } = await withDoor();
    await using _ = hub;
    const path = `/access?to=blog.localhost%3A8080&nonce=${NONCE}`;
    const sent = await hub.call(path, { cookie, at: HUB, headers: ELSEWHERE });
    expect([sent.status, sent.headers.get("location")]).toEqual([303, `${PAGE}${path}`]);
    expect((await hub.call(path, { cookie, at: HUB, headers: { accept: "*/*" } })).status).toBe(404);
    const strange = await hub.call(path, { cookie, at: "http://evil.example", headers: ELSEWHERE });
    expect(strange.status).toBe(404);
  });

  test("goes by itself for what the hub's own page began, round by the share, once", async () => {
    const { hub, cookie } = await withDoor();
    await using _ = hub;
    const began = await hub.call("/access?to=blog.localhost:8080", { cookie, headers: OWN_PAGE });
    expect([began.status, began.headers.get("location")]).toEqual([303, "http://blog.localhost:8080/"]);
    const back = `/access?to=blog.localhost:8080&nonce=${NONCE}`;
    expect(await (await hub.call(back, { cookie, headers: ELSEWHERE })).text()).toContain('data-auto="yes"');
    expect(await (await hub.call(back, { cookie, headers: ELSEWHERE })).text()).toContain('data-auto="no"');
    await hub.call("/access?to=blog.localhost:8080", { cookie, headers: OWN_PAGE });
    hub.clock.advance(60_000);
    expect(await (await hub.call(back, { cookie, headers: ELSEWHERE })).text()).toContain('data-auto="no"');
    const bare = await hub.call("/access?to=blog.localhost:8080", { cookie, headers: ELSEWHERE });
    expect(await bare.text()).toContain('href="/access?to=blog.localhost%3A8080"');
  });

  test("asks a stranger to sign in, in the same words for any host", async () => {
    const { hub } = await withDoor();
    await using _ = hub;
    const texts = new Set<string>();
    for (const to of ["blog.localhost:8080", "nothing.localhost:8080", "evil.example", "<script>", ""]) {
      const answer = await hub.call(`/access?to=${encodeURIComponent(to)}&nonce=${NONCE}`, {
        headers: ELSEWHERE,
      });
      expect(answer.status).toBe(401);
      texts.add(await answer.text());
    }
    expect(texts.size).toBe(1);
    expect([...texts][0]).toContain("Sign in first");
    expect([...texts][0]).toContain('<script src="/access.js">');
  });

  test("is none for other hosts, other accesses, ended and foreign shares: all told alike", async () => {
    const { hub, cookie } = await withDoor();
    await using _ = hub;
    const { deviceId } = await hub.other.device("box");
    await hub.other.share(deviceId, "theirs");
    const pages = new Set<string>();
    const bodies = new Set<string>();
    for (const to of [
      "nothing.localhost:8080",
      "open.localhost:8080",
      "pi.localhost:8080",
      "theirs.localhost:8080",
      "evil.example",
      PAGE.slice(7),
    ]) {
      const shown = await hub.call(`/access?to=${to}&nonce=${NONCE}`, { cookie, headers: ELSEWHERE });
      const given = await hub.call("/api/access", { body: { to, nonce: NONCE }, cookie, origin: PAGE });
      expect([shown.status, given.status]).toEqual([404, 404]);
      pages.add(await shown.text());
      bodies.add(await given.text());
    }
    expect([pages.size, bodies.size]).toEqual([1, 1]);
    await hub.store.db.updateTable("shares").set({ expires_at: hub.clock.now() }).execute();
    const ended = await hub.call("/api/access", {
      body: { to: "blog.localhost:8080", nonce: NONCE },
      cookie,
      origin: PAGE,
    });
    expect(bodies.has(await ended.text())).toBe(true);
  });

  test("opens to the cookie at the page's own host only, and not to what is no nonce", async () => {
    const { hub, cookie } = await withDoor();
    await using _ = hub;
    const body = { to: "blog.localhost:8080", nonce: NONCE };
    expect((await hub.call("/api/access", { body, cookie, at: HUB })).status).toBe(404);
    expect((await hub.call("/api/access", { body, origin: PAGE })).status).toBe(401);
    for (const nonce of ["", "A", `${NONCE}A`, `${"A".repeat(42)}B`, "=".repeat(43), undefined]) {
      const answer = await hub.call("/api/access", { body: { ...body, nonce }, cookie, origin: PAGE });
      expect(answer.status).toBe(400);
    }
  });

  test("gives thirty tickets a minute to one account", async () => {
    const { hub, cookie } = await withDoor();
    await using _ = hub;
    const body = { to: "blog.localhost:8080", nonce: NONCE };
    const statuses: number[] = [];
    for (let at = 0; at < 31; at++) {
      statuses.push((await hub.call("/api/access", { body, cookie, origin: PAGE })).status);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
    expect(statuses.at(-1)).toBe(429);
  });
});
