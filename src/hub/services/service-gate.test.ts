import { describe, expect, test } from "bun:test";
import type { Answer } from "../../http1/answer.ts";
import type { Exchange } from "../../http1/exchange.ts";
import { parseRequestHead } from "../../http1/request-head.ts";
import {
  begun,
  browserRights,
  controller,
  crypto,
  home,
  HUB_KEY,
  member,
  newSigner,
  NOW,
} from "../../identity/owner-log.fixture.ts";
import { appendEntry, type OwnerLog } from "../../identity/owner-log.ts";
import { beginBrowserLog } from "../../identity/browser-log.ts";
import { signPass, signProgramTicket } from "../../identity/service-access.ts";
import { makeShareClaim, makeShareOffer, offerOf, takeShared } from "../../identity/share-token.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { readServicePath } from "../../protocol/service-address.ts";
import { readNonceValue } from "../../protocol/service-cookies.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { ShareDoor } from "../edge/share-exchange.ts";
import { ServiceGate } from "./service-gate.ts";

const HOST = "web--pi.example.com";
const device = newSigner();
const browser = newSigner();
const root = toBase64Url(begun.id);
const PI = { device_id: "a-device", name: "pi", owner_root: root, public_key: device.publicKey } as DeviceRow;
const withBrowser = await appendEntry(crypto, begun, {
  kind: "controller",
  body: controller(browser, { ...browserRights, name: "firefox" }),
  signer: home,
});

/** A hub at https://example.com whose one device is away, so that all that is passed on fails there. */
function scene(log: OwnerLog = withBrowser, others: OwnerLog[] = []) {
  const passed: string[] = [];
  const shareDoor: ShareDoor = {
    directory: {
      device: () => undefined,
      whenConnected(id: string, _: number, back: (session: undefined) => void) {
        passed.push(id);
        back(undefined);
        return () => {};
      },
    } as unknown as ShareDoor["directory"], // of a directory nothing else is asked
    fail: ({ share, exchange }, failure) => {
      exchange.respond({ status: 503, fields: [], body: `${share.shareId} ${failure}` });
    },
    done() {},
  };
  const gate = new ServiceGate({
    addresses: { pageUrl: "https://muster.example.com" },
    devices: { byLabel: (label) => (label === "pi" ? PI : undefined) },
    ownerLogs: {
      get: (asked) => (asked === root ? log : others.find(({ id }) => toBase64Url(id) === asked)),
    },
    crypto,
    shareDoor,
    now: () => NOW,
  });
  const ask = (
    fields: string,
    at: { host?: string; target?: string; method?: string; secure?: boolean } = {},
  ) => {
    const { host = HOST, target = "/a?b", method = "GET", secure = true } = at;
    const text = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
    const request = parseRequestHead(new Uint8Array(Buffer.from(text, "latin1")));
    if (request.kind !== "request") throw new Error(request.kind);
    const told: Answer[] = [];
    const exchange = {
      request,
      pauseBody() {},
      respond: (answer: Answer) => void told.push(answer),
    } as unknown as Exchange; // of an exchange nothing else is asked here
    const from = { visitor: "203.0.113.7", https: secure, secure, requestId: "r1" };
    const path = readServicePath(target);
    if (path !== undefined) gate.atPath(exchange, path, from);
    else {
      const [service = "", name = ""] = (host.split(".")[0] ?? "").split("--");
      gate.atHost(exchange, { service, device: name }, from);
    }
    const [answer] = told;
    const field = (name: string) => answer?.fields?.find(({ lower }) => lower === name)?.value;
    return { status: answer?.status, field, body: String(answer?.body ?? "") };
  };
  return { ask, passed };
}

const at = { deviceId: PI.device_id, service: "web" };
const nonce = crypto.randomBytes(32);
const soon = NOW + 60_000;
const bearer = async (by = home): Promise<string> =>
  `Authorization: Bearer ${await signProgramTicket(by, at, { nonce, expiresAt: soon })}\r\n`;
const pass = async (of = browser, by = device): Promise<string> => {
  const text = await signPass(by, { ...at, host: HOST }, { key: of.publicKey, nonce, expiresAt: soon });
  return `Cookie: a=1; __Host-muster-service=${text}\r\n`;
};

describe("whoever has no word of a controller", () => {
  const paths = [`https://${HOST}`, "https://no--pi.example.com", "https://web--nobody.example.com"];

  test("is told the same at once, wherever they ask, and nobody is asked for it", async () => {
    const { ask, passed } = scene();
    for (const fields of [
      "",
      "Cookie: __Host-muster-service=x\r\n",
      await pass(browser, home),
      await pass(device),
    ]) {
      const told = paths.map((url) => ask(fields, { host: new URL(url).host }));
      expect(new Set(told.map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
      expect(told[0]?.status).toBe(404);
    }
    for (const fields of ["", await bearer(device), "Authorization: Bearer mtk1_x.y\r\n"]) {
      expect(ask(fields, { target: "/d/pi/web/" }).status).toBe(404);
      expect(ask(fields, { target: "/d/nobody/web/" }).status).toBe(404);
    }
    expect(passed).toEqual([]);
  });

  test("in a browser is sent to the page with a nonce, and the way back in its cookie", () => {
    const { ask } = scene();
    const sent = ask("Sec-Fetch-Mode: navigate\r\n");
    const location = new URL(sent.field("location") ?? "");
    expect([sent.status, location.origin, location.pathname]).toEqual([
      302,
      "https://muster.example.com",
      "/access",
    ]);
    expect(location.searchParams.get("to")).toBe(HOST);
    const [, value = ""] =
      /^__Host-muster-nonce=([^;]+); Path=\/; Max-Age=300; Secure; HttpOnly; SameSite=Lax$/.exec(
        sent.field("set-cookie") ?? "",
      ) ?? [];
    const read = readNonceValue(value);
    expect(read?.path).toBe("/a?b");
    expect(location.searchParams.get("nonce")).toBe(toBase64Url(read?.nonce ?? new Uint8Array(0)));
    // Only to read, and not by a script.
    expect(ask("Sec-Fetch-Mode: navigate\r\n", { method: "HEAD" }).status).toBe(404);
    expect(ask("Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n").status).toBe(404);
  });

  test("has the page for tickets at every name, and it holds nothing of any", () => {
    const { ask } = scene();
    const [page, other] = [HOST, "no--nobody.example.com"].map((host) =>
      ask("", { host, target: "/.muster/ticket" }),
    );
    expect([page?.status, page?.body]).toEqual([200, other?.body]);
    expect(ask("", { target: "/.muster/ticket.js" }).field("content-type")).toContain("text/javascript");
  });

  test("is told nothing over plain HTTP but that", async () => {
    const { ask } = scene();
    expect(ask(await pass(), { secure: false }).status).toBe(403);
    expect(ask(await bearer(), { target: "/d/pi/web/", secure: false }).status).toBe(403);
  });
});

describe("who has one", () => {
  test("is passed on to the device, and told that it is away", async () => {
    const { ask, passed } = scene();
    expect(ask(await pass())).toMatchObject({ status: 503, body: "service:web device_offline" });
    expect(ask(await bearer(), { target: "/d/pi/web/x" }).status).toBe(503);
    const ticket = (await bearer()).replace("Authorization: Bearer", "Muster-Ticket:");
    expect(ask(ticket).status).toBe(503);
    expect(passed).toEqual(["a-device", "a-device", "a-device"]);
  });

  test("is a stranger once the log no longer has the key", async () => {
    const { ask } = scene(begun);
    expect(ask(await pass()).status).toBe(404);
    expect(ask(await bearer(browser), { target: "/d/pi/web/" }).status).toBe(404);
  });

  test("may be a co-owner of the device, for as long as both logs say so", async () => {
    const admitted = { kind: "member", body: member(device, { name: "pi" }), signer: home } as const;
    const owner = await appendEntry(crypto, begun, admitted);
    const mate = newSigner();
    const given = { signer: mate, linkKey: crypto.randomBytes(32), name: "Firefox", nowMs: NOW };
    const { log: theirs } = await beginBrowserLog(crypto, given);
    const offer = { log: owner, hubKey: HUB_KEY, device: device.publicKey, expiresAtMs: NOW, signer: home };
    const wish = { ...offer, browser: true };
    const { token, log } = await makeShareOffer(crypto, wish);
    const { log: shared } = await makeShareClaim(crypto, {
      token,
      log,
      hubKey: HUB_KEY,
      owner: theirs,
      name: "Mate",
    });
    const { device: found } = offerOf(crypto, { token, log, hubKey: HUB_KEY });
    const { log: taken } = await takeShared(crypto, {
      log: theirs,
      sharedBy: owner,
      device: found,
      signer: mate,
    });
    const statuses = async (own: OwnerLog, other: OwnerLog) => {
      const { ask } = scene(own, [other]);
      const asked = [ask(await pass(mate)), ask(await bearer(mate), { target: "/d/pi/web/" })];
      return asked.map(({ status }) => status);
    };
    expect(await statuses(shared, taken)).toEqual([503, 503]);
    expect(await statuses(log, taken)).toEqual([404, 404]);
    expect(await statuses(shared, theirs)).toEqual([404, 404]);
  });
});
