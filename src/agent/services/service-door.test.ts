import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Ticker } from "../../http1/ticker.ts";
import {
  begun,
  browserRights,
  controller,
  crypto,
  home,
  member,
  newSigner,
  NOW,
} from "../../identity/owner-log.fixture.ts";
import { appendEntry, type OwnerLog } from "../../identity/owner-log.ts";
import type { Signer } from "../../identity/crypto.ts";
import { signPass, signProgramTicket, ticketShare } from "../../identity/service-access.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { nonceValue } from "../../protocol/service-cookies.ts";
import { signedBytes } from "../../protocol/signed.ts";
import { encodeTicket } from "../../protocol/ticket.ts";
import { realNetwork } from "../../world/network.ts";
import { openFor, readTold, requestText, StillTime, Visitor, type Told } from "../gateway/gateway.fixture.ts";
import { ObeyedLogs } from "../obeyed-logs.ts";
import { sharedWith } from "../obeyed-logs.fixture.ts";
import type { OfferedService } from "./offered-service.ts";
import { ServiceDoor } from "./service-door.ts";

const DEVICE = { id: "gr2q7gf-5lh6pzf-dnurnkv-puthpqv", name: "pi" };
const HOST = "web--pi.example.com";
const device = newSigner();
const browser = newSigner();
const hub = newSigner();
const nonce = crypto.randomBytes(32);
const withBrowser = await appendEntry(crypto, begun, {
  kind: "controller",
  body: controller(browser, { ...browserRights, name: "firefox" }),
  signer: home,
});

let upstream: ReturnType<typeof Bun.serve>;
beforeAll(() => {
  upstream = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname !== "/forever") return Response.json({ pathname, headers: [...request.headers] });
      return new Response(
        new ReadableStream({ start: (to) => to.enqueue(new TextEncoder().encode("first")) }),
      );
    },
  });
});
afterAll(() => upstream.stop(true));

interface Known {
  log: OwnerLog;
  problem: MusterError | undefined;
  /** Of a co-owner. */
  other?: OwnerLog;
}

/** As its state is when they are looked at. */
function logsOf(state: Known): ObeyedLogs {
  const book = (log: () => OwnerLog, problem: () => MusterError | undefined) => ({
    get log() {
      return log();
    },
    get seen() {
      return log();
    },
    problem,
    take: () => Promise.resolve(),
    fetch: () => Promise.resolve(),
    load: () => Promise.resolve(),
  });
  return new ObeyedLogs({
    ownerRoot: toBase64Url(begun.id),
    publicKey: device.publicKey,
    own: book(
      () => state.log,
      () => state.problem,
    ),
    open: () =>
      book(
        () => state.other ?? begun,
        () => undefined,
      ),
  });
}

interface Scene {
  door: ServiceDoor;
  logs: ObeyedLogs;
  time: StillTime;
  entered: string[];
  state: Known;
  start(asked: Asked): Visitor;
  ask(asked: Asked): Promise<Told>;
}

interface Asked {
  service?: string;
  method?: string;
  target?: string;
  headers?: Record<string, string>;
}

function scene(options: { browsers?: "on" | "off"; proxies?: boolean } = {}): Scene {
  const time = new StillTime();
  const entered: string[] = [];
  const state: Scene["state"] = { log: withBrowser, problem: undefined };
  const logs = logsOf(state);
  const services: OfferedService[] = [
    { name: "web", port: upstream.port ?? 0, type: "http", timeoutMs: 30_000 },
    { name: "db", port: upstream.port ?? 0, type: "tcp", timeoutMs: 30_000 },
  ];
  const door = new ServiceDoor({
    clock: time,
    ticker: new Ticker({ clock: time, timers: time }),
    network: realNetwork,
    crypto,
    signer: device,
    device: () => DEVICE,
    logs,
    services: { get: (name) => services.find((one) => one.name === name), services },
    browsers: options.browsers ?? "on",
    proxies: options.proxies ?? true,
    entered: (service, key) => entered.push(`${service} ${toBase64Url(key)}`),
    failed: (thrown) => {
      throw thrown;
    },
  });
  const start = ({ service = "web", ...asked }: Asked): Visitor => {
    const visitor = new Visitor();
    const open = openFor({ target: `service:${service}`, host: HOST });
    visitor.begin(door.open(visitor, open));
    return visitor.send(requestText({ ...asked, open: { host: HOST } }));
  };
  return {
    door,
    logs,
    time,
    entered,
    state,
    start,
    async ask(asked) {
      const visitor = start(asked);
      await visitor.over();
      return readTold(visitor, asked.method);
    },
  };
}

const at = (service = "web") => ({ deviceId: DEVICE.id, service });
const programTicket = (by: Signer, service = "web"): Promise<string> =>
  signProgramTicket(by, at(service), { nonce, expiresAt: NOW + 3_600_000 });
const ticketBy = async (by: Signer, service?: string): Promise<Record<string, string>> => ({
  "Muster-Ticket": await programTicket(by, service),
});
const passFor = async (key: Signer, by = device, service = "web"): Promise<Record<string, string>> => {
  const vouched = { key: key.publicKey, nonce, expiresAt: NOW + 3_600_000 };
  const text = await signPass(by, { ...at(service), host: HOST }, vouched);
  return { Cookie: `__Host-muster-service=${text}` };
};

async function browserTicket(by: Signer, as = by, service = "web"): Promise<Record<string, string>> {
  const visitor = toBase64Url(as.publicKey);
  const claims = { share: ticketShare(at(service)), host: HOST, visitor, nonce, expiresAt: NOW + 60_000 };
  return {
    "Muster-Ticket": encodeTicket(claims, await by.sign(signedBytes("ticket", claims))),
    Cookie: `__Host-muster-nonce=${nonceValue(nonce, "/a?b")}`,
    Origin: `https://${HOST}`,
  };
}

const redeem = (headers: Record<string, string>): Asked => ({
  method: "POST",
  target: "/.muster/ticket",
  headers,
});

describe("the door to a service", () => {
  test("lets a controller's ticket and the device's own pass through, and keeps both from the service", async () => {
    const { ask } = scene();
    for (const headers of [await ticketBy(home), await passFor(browser)]) {
      const told = await ask({ target: "/x", headers });
      expect([told.status, told.fin?.status]).toEqual([200, 200]);
      const seen = JSON.parse(told.body.toString()) as { headers: [string, string][] };
      const names = seen.headers.map(([name]) => name);
      expect(names).not.toContain("muster-ticket");
      expect(names).not.toContain("cookie");
    }
  });

  test("is shut to what the hub makes by itself: tickets and passes by its key, and nothing at all", async () => {
    const { ask } = scene();
    const strangers = [
      {},
      await ticketBy(hub),
      await passFor(browser, hub),
      await passFor(hub),
      { "Muster-Ticket": "mtk1_x.y" },
      { Cookie: "__Host-muster-service=a.b.c.d" },
      { Authorization: `Bearer ${await programTicket(home)}` },
    ];
    const bodies = new Set<string>();
    for (const service of ["web", "db", "nothing"]) {
      for (const headers of strangers) {
        const told = await ask({ service, headers: { ...headers, Accept: "application/json" } });
        expect(told.status).toBe(404);
        bodies.add(told.body.toString());
      }
    }
    expect(bodies.size).toBe(1);
    for (const headers of [await browserTicket(hub), await browserTicket(hub, browser)]) {
      expect((await ask(redeem(headers))).status).toBe(404);
    }
  });

  test("asks its own copy of the owner log each time: members, strangers and a forked log open nothing", async () => {
    const { ask, state } = scene();
    const headers = await passFor(browser);
    expect((await ask({ headers })).status).toBe(200);
    state.log = begun;
    expect((await ask({ headers })).status).toBe(404);
    state.log = withBrowser;
    state.problem = new MusterError("owner_log_forked", "two entries");
    expect((await ask({ headers })).status).toBe(404);
  });

  test("speaks to programs in JSON, and to people in pages", async () => {
    const { ask } = scene();
    const ticket = await ticketBy(home, "db");
    expect((await ask({ service: "db", headers: ticket })).headers["content-type"]).toBe("application/json");
    const html = { ...ticket, Accept: "text/html" };
    expect((await ask({ service: "db", headers: html })).headers["content-type"]).toStartWith("text/html");
    const person = await ask({ service: "db", headers: await passFor(browser, device, "db") });
    expect([person.status, person.headers["content-type"]]).toEqual([
      400,
      expect.stringContaining("text/html"),
    ]);
  });

  test("tells who may what is there, and how to reach what speaks no HTTP", async () => {
    const { ask } = scene();
    const unknown = await ask({ service: "nothing", headers: await ticketBy(home, "nothing") });
    expect([unknown.status, unknown.body.toString()]).toEqual([
      404,
      expect.stringContaining("It has web, db."),
    ]);
    const tcp = await ask({ service: "db", headers: await ticketBy(home, "db") });
    expect([tcp.status, tcp.body.toString()]).toEqual([400, expect.stringContaining("muster forward pi/db")]);
    const own = await ask({ target: "/.muster/proof", headers: await ticketBy(home) });
    expect(own.status).toBe(404);
  });

  test('with [policy] browser = "off" takes nothing from a browser\'s key, and the rest as ever', async () => {
    const { ask } = scene({ browsers: "off" });
    expect((await ask({ headers: await passFor(browser) })).status).toBe(403);
    expect((await ask(redeem(await browserTicket(browser)))).status).toBe(403);
    expect((await ask({ headers: await ticketBy(home) })).status).toBe(200);
  });

  test("is shut where the owner has disabled proxy.http", async () => {
    const { ask } = scene({ proxies: false });
    expect((await ask({ headers: await ticketBy(home) })).status).toBe(403);
    expect((await ask({})).status).toBe(404);
  });

  test("lets no page of another site use a pass: no script, no form, no frame, no socket", async () => {
    const { ask } = scene();
    const pass = await passFor(browser);
    const elsewhere = { "Sec-Fetch-Site": "same-site", Origin: "https://shop.example.com" };
    const navigates = { ...elsewhere, "Sec-Fetch-Mode": "navigate" };
    for (const asked of [
      { headers: { ...elsewhere, "Sec-Fetch-Mode": "cors" } },
      { headers: { ...elsewhere, "Sec-Fetch-Mode": "no-cors" } },
      { method: "POST", headers: navigates },
      { headers: { ...navigates, "Sec-Fetch-Dest": "iframe" } },
      { headers: { Origin: "https://shop.example.com", Connection: "Upgrade", Upgrade: "websocket" } },
    ]) {
      expect((await ask({ ...asked, headers: { ...asked.headers, ...pass } })).status).toBe(403);
    }
    const link = { ...navigates, "Sec-Fetch-Dest": "document", ...pass };
    expect((await ask({ headers: link })).status).toBe(200);
  });
});

describe("a ticket for a pass", () => {
  test("is taken once, by the browser that left for it, and brings the pass and the way back", async () => {
    const { ask, entered, time } = scene();
    const headers = await browserTicket(browser);
    const told = await ask(redeem(headers));
    expect([told.status, JSON.parse(told.body.toString())]).toEqual([200, { to: "/a?b" }]);
    expect(entered).toEqual([`web ${toBase64Url(browser.publicKey)}`]);
    const cookie = told.headers["set-cookie"]?.split(";")[0] ?? "";
    expect((await ask({ headers: { Cookie: cookie } })).status).toBe(200);
    expect((await ask(redeem(headers))).status).toBe(403);
    time.advance(12 * 3_600_000);
    expect((await ask({ headers: { Cookie: cookie } })).status).toBe(404);
  });

  test("without the nonce of its cookie, or from a page of elsewhere, is refused and not spent", async () => {
    const { ask } = scene();
    const headers = await browserTicket(browser);
    const { Cookie: _, ...bare } = headers;
    expect((await ask(redeem(bare))).status).toBe(403);
    const other = `__Host-muster-nonce=${nonceValue(crypto.randomBytes(32), "/")}`;
    expect((await ask(redeem({ ...headers, Cookie: other }))).status).toBe(403);
    const foreign = {
      "Sec-Fetch-Site": "cross-site",
      "Sec-Fetch-Mode": "cors",
      Origin: "https://evil.example",
    };
    expect((await ask(redeem({ ...headers, ...foreign }))).status).toBe(403);
    expect((await ask(redeem(headers))).status).toBe(200);
  });
});

describe("what is under way", () => {
  test("ends at once when its key leaves the owner log, and what others have open goes on", async () => {
    const { door, start, state } = scene();
    const cut = start({ target: "/forever", headers: await passFor(browser) });
    const stays = start({ target: "/forever", headers: await ticketBy(home) });
    await cut.until(() => cut.text().includes("first"));
    await stays.until(() => stays.text().includes("first"));
    state.log = begun;
    door.look();
    expect([cut.cut, stays.cut]).toEqual([true, false]);
    stays.leave();
  });

  test("ends when the time of its key's right is over", async () => {
    const { start, time } = scene();
    const visitor = start({ target: "/forever", headers: await passFor(browser) });
    await visitor.until(() => visitor.text().includes("first"));
    time.advance(31 * 86_400_000);
    expect(visitor.cut).toBe(true);
  });
});

describe("a co-owner of the device", () => {
  const guest = newSigner();
  async function shared() {
    const owner = await appendEntry(crypto, withBrowser, {
      kind: "member",
      body: member(device, { name: "pi" }),
      signer: home,
    });
    const given = await sharedWith({ owner, admin: home, device, member: guest });
    const at = scene();
    Object.assign(at.state, { log: given.shared, other: given.theirs } satisfies Partial<Known>);
    await at.logs.look();
    return { ...at, ...given };
  }

  test("comes in by a ticket or pass of their own key, and no member of theirs does", async () => {
    const { ask, mate } = await shared();
    expect((await ask({ headers: await ticketBy(mate) })).status).toBe(200);
    const told = await ask(redeem(await browserTicket(mate)));
    const cookie = told.headers["set-cookie"]?.split(";")[0] ?? "";
    expect((await ask({ headers: { Cookie: cookie } })).status).toBe(200);
    for (const headers of [await ticketBy(guest), await passFor(guest), await ticketBy(newSigner())]) {
      expect((await ask({ headers })).status).toBe(404);
    }
  });

  test("loses what is under way in the moment the share ends, and the owner's own goes on", async () => {
    const { ask, door, start, state, mate, ended } = await shared();
    const cut = start({ target: "/forever", headers: await passFor(mate) });
    const stays = start({ target: "/forever", headers: await passFor(browser) });
    await cut.until(() => cut.text().includes("first"));
    await stays.until(() => stays.text().includes("first"));
    state.log = ended;
    door.look();
    expect([cut.cut, stays.cut]).toEqual([true, false]);
    stays.leave();
    for (const headers of [await ticketBy(mate), await passFor(mate)]) {
      expect((await ask({ headers })).status).toBe(404);
    }
    expect((await ask(redeem(await browserTicket(mate)))).status).toBe(404);
  });

  test("loses it as well by letting the device go", async () => {
    const { door, start, state, mate, theirs } = await shared();
    const cut = start({ target: "/forever", headers: await ticketBy(mate) });
    await cut.until(() => cut.text().includes("first"));
    const body = {
      step: "end",
      device: toBase64Url(device.publicKey),
      owner: toBase64Url(begun.id),
    } as const;
    state.other = await appendEntry(crypto, theirs, { kind: "share", body, signer: mate });
    door.look();
    expect(cut.cut).toBe(true);
  });
});
