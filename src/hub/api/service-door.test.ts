import { describe, expect, test } from "bun:test";
import { appendEntry } from "../../identity/owner-log.ts";
import { readBrowserTicket, ticketShare } from "../../identity/service-access.ts";
import { browserSigner, makeBrowserKeys } from "../../identity/browser-key.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import type { DeviceView } from "../../protocol/views.ts";
import { ACCESS_SCRIPT } from "./access-script.ts";
import { PAGE, testHub, type TestHub } from "./hub.fixture.ts";
import { comeIn, scene } from "./page-claim.fixture.ts";

const NONCE = "A".repeat(43);
const HOST = "grafana--pi.localhost:8080";
const NAVIGATES = { "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site", accept: "text/html" };

const HTTP = { service_type: "http", local_port: 3000, state: "up", checked_at: null, reason: null } as const;
const SERVICES = [
  { ...HTTP, name: "grafana" },
  { ...HTTP, name: "db", service_type: "tcp" as const },
];

interface Door {
  hub: TestHub;
  deviceId: string;
  cookie: string;
  /** A browser that may command, as IndexedDB keeps it. */
  keys: CryptoKeyPair;
  key: string;
}

async function withDoor(): Promise<Door> {
  const hub = await testHub();
  const { deviceId } = await hub.home.device("pi");
  const { cookie } = await hub.home.person("owner");
  const view = { id: deviceId, name: "pi", services: SERVICES } as unknown as DeviceView;
  // The door asks for nothing else of the picture.
  hub.parts.fleet.viewOf = () => ({ hub: { url: "", id: "", version: "" }, devices: [view], shares: [] });
  const made = await makeBrowserKeys(globalThis.crypto.subtle);
  const { publicKey } = await browserSigner(globalThis.crypto.subtle, made);
  await hub.parts.home.admitBrowser({ publicKey, linkKey: hub.crypto.randomBytes(32), name: "firefox" });
  return { hub, deviceId, cookie, keys: made.identity, key: toBase64Url(publicKey) };
}

describe("the door to a service", () => {
  test("shows the service and its device, and what the hub could read; the button says what is signed", async () => {
    const { hub, deviceId, cookie } = await withDoor();
    await using _ = hub;
    const answer = await hub.call(`/access?to=${HOST}&nonce=${NONCE}`, { cookie, headers: NAVIGATES });
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).toContain("<b>pi</b>");
    expect(text).toContain("could read it");
    expect(text).toContain(`data-share="service:${deviceId}/grafana"`);
    expect(text).toContain('data-auto="no"');
  });

  test("tells the claims to sign to a key that may command, and to no other", async () => {
    const { hub, deviceId, cookie, key } = await withDoor();
    await using _ = hub;
    const ask = (body: object): Promise<Response> => hub.call("/api/access", { body, cookie, origin: PAGE });
    const answer = await ask({ to: HOST.toUpperCase(), nonce: NONCE, key });
    expect(await answer.json()).toEqual({
      url: `http://${HOST}/.muster/ticket`,
      sign: {
        share: ticketShare({ deviceId, service: "grafana" }),
        host: HOST,
        expires_at: hub.clock.now() + 60_000,
      },
    });
    const [row] =
      (await hub.parts.audit.read({ ownerRoot: hub.home.root, limit: 1, cursor: null }))?.items ?? [];
    expect(row).toMatchObject({ action: "service.entered", target: `service:${deviceId}/grafana` });
    for (const other of [undefined, NONCE]) {
      const refused = await ask({ to: HOST, nonce: NONCE, key: other });
      expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("login-link")]);
    }
  });

  test("names to its owner what is not there, and what speaks no HTTP", async () => {
    const { hub, cookie } = await withDoor();
    await using _ = hub;
    const see = async (to: string): Promise<[number, string]> => {
      const answer = await hub.call(`/access?to=${to}&nonce=${NONCE}`, { cookie, headers: NAVIGATES });
      return [answer.status, await answer.text()];
    };
    expect(await see("db--pi.localhost:8080")).toEqual([
      400,
      expect.stringContaining("muster forward pi/db"),
    ]);
    expect(await see("no--pi.localhost:8080")).toEqual([404, expect.stringContaining("pi has no service")]);
    const nobody = await see("grafana--nobody.localhost:8080");
    expect(nobody).toEqual([404, expect.not.stringContaining("nobody")]);
    expect(await see("grafana--.localhost:8080")).toEqual(nobody);
  });
});

/** The page's script in a browser that holds these keys, for a button that it clicks by itself. */
async function runScript(
  { hub, cookie, keys }: Pick<Door, "hub" | "cookie" | "keys">,
  button: { to: string; nonce: string; share?: string },
): Promise<{ went: string | undefined; problem: string }> {
  const alert = { textContent: "" };
  const went = Promise.withResolvers<string | undefined>();
  const dataset = { ...button, auto: "yes" };
  const shown = {
    dataset,
    addEventListener() {},
    set disabled(isDisabled: boolean) {
      if (!isDisabled) went.resolve(undefined);
    },
  };
  const found: Record<string, unknown> = { "button[data-to]": shown, "[role=alert]": alert };
  const request = (result: unknown) => ({
    result,
    addEventListener(type: string, told: () => void) {
      if (type === "success") queueMicrotask(told);
    },
  });
  const store = { get: () => request({ name: "firefox", keys: { identity: keys } }) };
  const database = { transaction: () => ({ objectStore: () => store }), close() {} };
  const globals: Record<string, unknown> = {
    document: { querySelector: (selector: string) => found[selector] ?? null },
    location: { pathname: "/access", replace: (url: string) => went.resolve(url) },
    indexedDB: { open: () => request(database) },
    fetch: (path: string, init: { body: string }) =>
      hub.call(path, { body: JSON.parse(init.body), cookie, origin: PAGE }),
    crypto: globalThis.crypto,
  };
  // The script as a browser has it, with a browser's few things around it.
  // oxlint-disable-next-line no-implied-eval, no-new-func
  new Function(...Object.keys(globals), ACCESS_SCRIPT)(...Object.values(globals));
  return { went: await went.promise, problem: alert.textContent };
}

describe("the script of the door", () => {
  test("signs with the browser's key what the device then takes", async () => {
    const door = await withDoor();
    await using hub = door.hub;
    const at = { deviceId: door.deviceId, service: "grafana" };
    const nonce = toBase64Url(hub.crypto.randomBytes(32));
    const { went } = await runScript(door, { to: HOST, nonce, share: ticketShare(at) });
    expect(went).toStartWith(`http://${HOST}/.muster/ticket#`);
    const text = went?.slice(went.indexOf("#") + 1) ?? "";
    const ticket = readBrowserTicket(hub.crypto, {
      text,
      at,
      host: HOST,
      nowMs: hub.clock.now(),
      trusts: () => true,
    });
    expect(ticket && [toBase64Url(ticket.key), toBase64Url(ticket.nonce)]).toEqual([door.key, nonce]);
  });

  test("signs nothing but what its page showed", async () => {
    const door = await withDoor();
    await using _ = door.hub;
    const share = ticketShare({ deviceId: door.deviceId, service: "other" });
    const { went, problem } = await runScript(door, { to: HOST, nonce: NONCE, share });
    expect([went, problem]).toEqual([undefined, "the hub asks for another service"]);
  });

  test("tells a browser whose key may not command what to do", async () => {
    const door = await withDoor();
    await using hub = door.hub;
    const other = await makeBrowserKeys(globalThis.crypto.subtle);
    const share = ticketShare({ deviceId: door.deviceId, service: "grafana" });
    const told = await runScript({ ...door, keys: other.identity }, { to: HOST, nonce: NONCE, share });
    expect(told.went).toBeUndefined();
    expect(told.problem).toContain("muster hub login-link");
    // And so after its time.
    hub.clock.advance(2 * 86_400_000);
    expect((await runScript(door, { to: HOST, nonce: NONCE, share })).problem).not.toBe("");
  });

  test("takes the hub's own ticket for a share, as ever", async () => {
    const door = await withDoor();
    await using hub = door.hub;
    await hub.home.share(door.deviceId, "blog");
    const { went } = await runScript(door, { to: "blog.localhost:8080", nonce: NONCE });
    expect(went).toStartWith("http://blog.localhost:8080/.muster/ticket#");
  });
});

test("a member's key opens no service", async () => {
  const { hub, cookie } = await withDoor();
  await using _ = hub;
  const member = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));
  const key = toBase64Url(member.publicKey);
  const log = await appendEntry(hub.crypto, hub.home.log(), {
    kind: "key",
    body: {
      public_key: key,
      name: "ci",
      holder: "program",
      scopes: ["read"],
      capabilities: null,
      devices: null,
      until: null,
    },
    signer: hub.home.signer,
  });
  const entry = log.entries.at(-1);
  if (entry !== undefined) await hub.logs.append(entry);
  const refused = await hub.call("/api/access", {
    body: { to: HOST, nonce: NONCE, key },
    cookie,
    origin: PAGE,
  });
  expect(refused.status).toBe(403);
});

test("a co-owner of the device is let in by a key of their own, to that device alone", async () => {
  await using hub = await testHub();
  const at = await scene(hub, "pi");
  const { deviceId } = await hub.home.device("nas");
  const view = { name: "pi", services: SERVICES };
  const shown = [
    { ...view, id: deviceIdOf(hub.crypto.sha256(at.key)) },
    { ...view, name: "nas", id: deviceId },
  ] as unknown as DeviceView[];
  hub.parts.fleet.viewOf = () => ({ hub: { url: "", id: "", version: "" }, devices: shown, shares: [] });
  const { mate, cookie, root } = await comeIn(at);
  const key = toBase64Url(mate.signer.publicKey);
  const ask = (to: string, as = cookie): Promise<Response> =>
    hub.call("/api/access", { body: { to, nonce: NONCE, key }, cookie: as, origin: PAGE });
  expect((await ask(HOST)).status).toBe(200);
  for (const ownerRoot of [hub.home.root, root]) {
    const told = await hub.parts.audit.read({ ownerRoot, limit: 1, cursor: null });
    expect(told?.items).toMatchObject([{ action: "service.entered" }]);
  }
  const { cookie: owners } = await hub.home.person("owner");
  expect((await ask(HOST, owners)).status).toBe(200);
  const nothing = await (await ask("grafana--nobody.localhost:8080")).text();
  expect(await (await ask("grafana--nas.localhost:8080")).text()).toBe(nothing);
  const ended = await appendEntry(hub.crypto, hub.home.log(), {
    kind: "share",
    body: { step: "end", device: toBase64Url(at.key), owner: root },
    signer: hub.home.signer,
  });
  await hub.logs.append(ended.entries.at(-1) as OwnerLogEntry);
  expect(await (await ask(HOST)).text()).toBe(nothing);
});
