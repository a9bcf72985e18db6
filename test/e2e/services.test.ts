// Services of a device: real hub, real agent, a real program behind each, over the hub's host names, below /d/, and on
// another machine's port. And nothing of it for those who may not.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { app, pairs, type App, type Echo } from "./app.ts";
import { agent, agentIn, Home, hubIn, portOf, type Running } from "./harness.ts";
import { signedIn, type Person } from "./person.ts";
import { askToSign, enterService, leaveFor, NAVIGATION, showTicket, signTicket } from "./service-visit.ts";
import { until, within } from "./until.ts";
import { ask, field, text, Wire, type Answer } from "./wire.ts";

const owner = new Home();
const device = new Home();
let person: Person;
let running: Running;
let web: App;
let port: number;
/** A browser's cookie for the service `web`. */
let pass = "";

const at = (service: string, name = "pi"): string => `http://${service}--${name}.localhost:${port}/`;
const below = (service: string, path = "", name = "pi"): string =>
  `http://localhost:${port}/d/${name}/${service}/${path}`;
const bearer = async (service: string): Promise<Record<string, string>> => {
  const { ticket } = await owner.ok(["forward", "--ticket", `pi/${service}`]);
  return { authorization: `Bearer ${ticket}` };
};

beforeAll(async () => {
  const { hub_url: hubUrl, login_url: loginUrl } = await hubIn(owner);
  port = portOf(hubUrl);
  person = await signedIn(loginUrl ?? "");
  web = await app(device);
  const gone = await app(device);
  await gone.process.kill();
  device.configure(
    `[services.web]\nport = ${web.port}\nhealth = "/part"\n` +
      `[services.hasty]\nport = ${web.port}\ntimeout = "1s"\n` +
      `[services.gone]\nport = ${gone.port}\n` +
      `[services.db]\nport = ${web.port}\ntype = "tcp"\n[services."under_score"]\nport = ${web.port}\n`,
  );
  running = await agentIn(device, { owner, hubUrl, name: "pi" });
  await until("the states of its services", async () => {
    const shown = await owner.ok(["device", "show", "pi"]);
    return (
      shown.services?.length === 5 &&
      shown.services.every(({ state }: { state: string }) => state !== "unknown")
    );
  });
  pass = await enterService(person, at("web"));
});
afterAll(async () => {
  person[Symbol.dispose]();
  await device[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

const asBrowser = (path = "", options: Parameters<typeof ask>[1] = {}): Promise<Answer> =>
  ask(at("web") + path, { ...options, headers: { cookie: pass, ...options.headers } });

describe("what a device offers", () => {
  test("is in show, in ls, and in the API for a person", async () => {
    const { services } = await owner.ok(["device", "show", "pi"]);
    const [db, gone, , under, first] = ["db", "gone", "hasty", "under_score", "web"].map((name) =>
      services.find((one: { name: string }) => one.name === name),
    );
    expect(first).toMatchObject({
      service_type: "http",
      state: "up",
      url: at("web"),
      health_endpoint: "/part",
    });
    expect(db).toMatchObject({ service_type: "tcp", state: "up", url: null });
    expect(gone).toMatchObject({ state: "down", reason: expect.stringContaining("nothing listens") });
    // No host has such a name.
    expect(under.url).toBeNull();
    const { stdout } = await owner.run(["device", "ls"]);
    expect(stdout).toContain("gone (down)");
    const { id } = await owner.ok(["device", "show", "pi"]);
    const [status, offered] = await person.call(`/api/devices/${id}/services`);
    expect([status, offered.services.length]).toEqual([200, 5]);
    const [, found] = await person.call("/api/devices/by-capability?protocol=tasks&version=1.0.0");
    expect(found.items.map(({ name }: { name: string }) => name)).toContain("pi");
    expect((await person.call("/api/devices/by-capability?protocol=../x"))[0]).toBe(400);
  });

  test("is refused with its text where it is malformed, or is a port of our own", async () => {
    const wrong = { MUSTER_HOME: `${device.folder}/none`, MUSTER_SERVICES: "api:8092,postgres" };
    for (const begins of ["agent", "start"]) {
      expect(await owner.refused([begins], { env: wrong })).toMatchObject({
        code: "usage",
        exit: 2,
        message: expect.stringContaining('"postgres"'),
      });
    }
    const own = new Home();
    const taken = String(web.port + 1);
    try {
      const both = ["start", "--foreground", "--port", taken, "--service", `hub:${taken}`];
      expect(await own.refused(both)).toMatchObject({ message: expect.stringContaining(taken) });
    } finally {
      await own[Symbol.asyncDispose]();
    }
  });
});

describe("in a browser of an owner", () => {
  test("a service is opened as it is: methods, bodies, repeated fields, and no word of ours", async () => {
    const sent = await asBrowser("a/b?c=%20d", {
      method: "PATCH",
      body: "hello",
      headers: {
        "x-forwarded-for": "203.0.113.9",
        forwarded: "for=203.0.113.9",
        "x-real-ip": "203.0.113.9",
        "muster-ticket-other": "x",
        authorization: "Bearer the-apps-own",
        cookie: `${pass}; own=1`,
      },
    });
    const echo = JSON.parse(text(sent)) as Echo;
    expect(echo).toMatchObject({ method: "PATCH", url: "/a/b?c=%20d", body: "hello" });
    const fields = pairs(echo.rawHeaders);
    const of = (name: string): string[] => fields.filter(([each]) => each === name).map(([, value]) => value);
    expect(of("x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(of("forwarded").join()).not.toContain("203.0.113.9");
    expect(of("x-real-ip")).toEqual([]);
    expect(of("authorization")).toEqual(["Bearer the-apps-own"]);
    expect(of("cookie")).toEqual(["own=1"]);
    expect(fields.map(([name]) => name).filter((name) => name.startsWith("muster-"))).toEqual([
      "muster-request-id",
    ]);
    const cookies = await asBrowser("cookies");
    expect(cookies.fields.get("set-cookie")).toEqual(["a=1; Path=/", "b=2; HttpOnly"]);
    const trailers = await asBrowser("trailers", { headers: { te: "trailers" } });
    expect(trailers.trailers.get("x-sum")).toEqual(["8"]);
  });

  test("it streams, both ways, whatever the size", async () => {
    const bytes = 20_000_000;
    let length = 0;
    const down = await asBrowser(`download?bytes=${bytes}&chunked`, {
      sink: (piece) => void (length += piece.length),
    });
    expect([down.status, length]).toEqual([200, bytes]);
    const body = Buffer.alloc(8_000_000, "muster services ");
    const up = JSON.parse(text(await asBrowser("upload", { method: "POST", body }))) as { sha256: string };
    expect(up.sha256).toBe(createHash("sha256").update(body).digest("hex"));
    await using events = await Wire.connect(port);
    const { host } = new URL(at("web"));
    await events.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\nCookie: ${pass}\r\n\r\n`);
    expect((await events.head()).status).toBe(200);
    expect(String(await events.chunk())).toContain("data: 0");
    await asBrowser("events/next");
    expect(String(await events.chunk())).toContain("data: 1");
    await asBrowser("events/end");
    expect(await events.chunk()).toBeUndefined();
  });

  test("it speaks WebSocket, and not to a page of elsewhere", async () => {
    const { host, origin } = new URL(at("web"));
    const socket = new WebSocket(`ws://${host}/socket?room=1`, {
      headers: { cookie: pass, origin },
    } as never);
    const heard: string[] = [];
    socket.addEventListener("message", ({ data }) => heard.push(String(data)));
    await until("the greeting", () => heard.length === 1);
    socket.send("over the hub");
    await until("the echo", () => heard.includes("over the hub"));
    socket.close();
    const upgrade = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "x",
      "sec-websocket-version": "13",
    };
    const foreign = await asBrowser("socket", { headers: { ...upgrade, origin: "http://shop.localhost" } });
    expect(foreign.status).toBe(403);
    const script = {
      "sec-fetch-site": "same-site",
      "sec-fetch-mode": "cors",
      origin: "http://shop.localhost",
    };
    expect((await asBrowser("", { headers: script })).status).toBe(403);
    const form = {
      "sec-fetch-site": "same-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    expect((await asBrowser("", { method: "POST", body: "x", headers: form })).status).toBe(403);
    expect((await asBrowser("", { headers: form })).status).toBe(200);
  });

  test("what breaks is named: refused 502, too slow 504, no such name 404, another protocol 400", async () => {
    const html = { headers: { accept: "text/html" } };
    const open = async (service: string, path = ""): Promise<Answer> => {
      const headers = await bearer(service);
      return ask(below(service, path), { ...html, headers: { ...html.headers, ...headers } });
    };
    const refused = await open("gone");
    expect([refused.status, text(refused)]).toEqual([502, expect.stringContaining("service: it broke here")]);
    const slow = await open("hasty", "hang");
    expect([slow.status, text(slow)]).toEqual([504, expect.stringContaining("service: it broke here")]);
    for (const [service, status] of [
      ["nothing", 404],
      ["db", 400],
    ] as const) {
      const { nonce } = await leaveFor(at(service));
      const [told, answer] = await askToSign(person, at(service), nonce);
      expect(told).toBe(status);
      expect(JSON.stringify(answer)).toContain(service === "db" ? "muster forward" : "device show");
    }
  });

  test("a ticket is good once, for one service, host, browser and a minute", async () => {
    const url = at("hasty");
    const left = await leaveFor(url);
    const [, { sign }] = await askToSign(person, url, left.nonce);
    const ticket = await signTicket(person, left.nonce, sign);
    const other = await leaveFor(url);
    // Another browser's cookie, another service, another time.
    expect((await showTicket(url, ticket, other.cookie)).status).toBe(403);
    expect((await showTicket(at("web"), ticket, left.cookie)).status).toBe(404);
    const late = await signTicket(person, left.nonce, { ...sign, expires_at: sign.expires_at + 600_000 });
    expect((await showTicket(url, late, left.cookie)).status).toBe(404);
    expect((await showTicket(url, ticket, left.cookie)).status).toBe(200);
    expect((await showTicket(url, ticket, left.cookie)).status).toBe(403);
    // The pass of one service is none of another.
    expect((await ask(url, { headers: { cookie: pass } })).status).toBe(404);
  });
});

describe("for a program", () => {
  test("a ticket in the place of a bearer opens it below /d/, shut in a sandbox", async () => {
    const headers = await bearer("web");
    const answer = await ask(below("web", "x?y=1"), { method: "POST", body: "data", headers });
    const echo = JSON.parse(text(answer)) as Echo;
    expect(echo).toMatchObject({ method: "POST", url: "/x?y=1", body: "data" });
    const names = pairs(echo.rawHeaders).map(([name]) => name);
    expect(names).not.toContain("authorization");
    expect(names).not.toContain("muster-ticket");
    expect(field(answer, "content-security-policy")).toContain("sandbox");
    expect(field(answer, "x-content-type-options")).toBe("nosniff");
    expect(field(await ask(below("web", "cookies"), { headers }), "set-cookie")).toBeUndefined();
    const underscore = await ask(below("under_score", "part"), { headers: await bearer("under_score") });
    expect(underscore.status).toBe(200);
    const own = { "muster-ticket": headers["authorization"]?.slice(7) ?? "" };
    expect((await ask(`${at("web")}part`, { headers: own })).status).toBe(200);
  });

  test("WebSocket works there too", async () => {
    const headers = await bearer("web");
    const socket = new WebSocket(`ws://localhost:${port}/d/pi/web/socket`, { headers } as never);
    const heard: string[] = [];
    socket.addEventListener("message", ({ data }) => heard.push(String(data)));
    await until("the greeting", () => heard.length === 1);
    expect(heard[0]).toContain('"/socket"');
    socket.send("by path");
    await until("the echo", () => heard.includes("by path"));
    socket.close();
  });

  test("whatever a browser adds is refused there, and so is the host of the hub's page", async () => {
    const headers = await bearer("web");
    for (const extra of [
      { cookie: "a=1" },
      { origin: "http://evil.example" },
      { "sec-fetch-mode": "navigate" },
    ]) {
      expect((await ask(below("web"), { headers: { ...headers, ...extra } })).status).toBe(403);
    }
    const page = below("web").replace("localhost", "muster.localhost");
    expect((await ask(page, { headers })).status).toBe(403);
  });

  test("a ticket of one service opens no other, and none that was changed or made by another key", async () => {
    const { authorization = "" } = await bearer("web");
    const tell = async (value: string, url = below("web")): Promise<number> =>
      (await ask(url, { headers: { authorization: value } })).status;
    expect(await tell(authorization, below("hasty"))).toBe(404);
    expect(await tell(authorization, below("web", "", "nobody"))).toBe(404);
    expect(await tell(`${authorization.slice(0, -3)}AAA`)).toBe(404);
    expect(await tell("Bearer mtk1_x.y")).toBe(404);
    expect(await tell(`Basic ${btoa("a:b")}`)).toBe(404);
  });
});

describe("a stranger", () => {
  const bytesOf = (answer: Answer): string =>
    JSON.stringify([
      answer.status,
      [...answer.fields].filter(([name]) => name !== "muster-request-id"),
      text(answer).replace(field(answer, "muster-request-id") ?? "", "ID"),
    ]);

  test("is told the same of everything that is there and that is not", async () => {
    const hosts = [at("web"), at("nothing"), at("db"), at("web", "nobody")];
    const paths = [below("web"), below("nothing"), below("web", "", "nobody")];
    const json = { accept: "application/json" };
    const rows: [urls: string[], headers: Record<string, string>][] = [
      [hosts, {}],
      [hosts, { cookie: "__Host-muster-service=1.a.b.c" }],
      [paths, {}],
      [paths, { authorization: "Bearer mtk1_x.y" }],
      [[...hosts, ...paths], json],
    ];
    for (const [urls, headers] of rows) {
      const told = new Set<string>();
      for (const url of urls) told.add(bytesOf(await ask(url, { headers })));
      expect([told.size, [...told][0]]).toEqual([1, expect.stringMatching(/^\[404/)]);
    }
    // Who asks by path is no person.
    expect(text(await ask(below("web")))).toStartWith('{"error"');
  });

  test("with a browser is sent to the hub's page, wherever it came from", async () => {
    for (const url of [at("web"), at("nothing"), at("web", "nobody")]) {
      const sent = await ask(url, { headers: NAVIGATION });
      expect([sent.status, field(sent, "location")]).toEqual([
        302,
        expect.stringMatching(/^http:\/\/muster\.localhost:\d+\/access\?to=.*&nonce=[\w-]{43}$/),
      ]);
      const page = await ask(field(sent, "location") ?? "", { headers: NAVIGATION });
      expect(page.status).toBe(401);
    }
  });
});

describe("on another machine's port", () => {
  test("muster forward knows it by name, and answers for its own address only", async () => {
    const forward = owner.spawn(["forward", "pi/web", "--json"]);
    const facts = await forward.firstJson();
    expect(facts).toMatchObject({ device: "pi", service: "web", type: "http", port: web.port });
    const local = `http://localhost:${facts.local_port}/`;
    expect(text(await ask(`${local}part`))).toBe("0123456789");
    expect((await ask(`${local}part`, { headers: { host: "evil.example" } })).status).toBe(421);
    forward.signal("SIGINT");
    await forward.exited;
  });
});

// The last of all: it takes the browser's right, and then the device away.
describe("what was open ends", () => {
  test("within a second of the end of its key's right, and the way in is shut", async () => {
    await using events = await Wire.connect(port);
    const { host } = new URL(at("web"));
    await events.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\nCookie: ${pass}\r\n\r\n`);
    await events.head();
    await events.chunk();
    const { items } = await owner.ok(["device", "ls"]);
    const browser = items.find(({ kind }: { kind: string }) => kind === "browser");
    await owner.ok(["device", "remove", browser.id, "--yes"]);
    await within(5000, "the end of the stream", events.rest());
    expect((await asBrowser("part")).status).toBe(404);
  });

  test("with its device: 503 for whoever has a ticket, and for a stranger what is always told", async () => {
    const headers = await bearer("web");
    await running.kill();
    const told = await ask(below("web"), { headers, patienceMs: 12_000 });
    expect([told.status, field(told, "retry-after")]).toEqual([503, "5"]);
    expect((await ask(below("web"))).status).toBe(404);
    expect((await ask(at("web"))).status).toBe(404);
    running = await agent(device);
    await until("an answer", async () => (await ask(below("web", "part"), { headers })).status === 200);
  });
});
