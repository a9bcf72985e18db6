import { expect, test } from "bun:test";
import { FakeCloudflare } from "../../../test/fakes/cloudflare/cloudflare.ts";
import { Secret } from "../../identity/secret.ts";
import { SILENT_LOG, type Log } from "../../protocol/log.ts";
import { rejection } from "../../store/testing.ts";
import { TestTime } from "../testing.ts";
import { createCloudflareApi, type CloudflareApi } from "./api.ts";
import { CallBudget, CALLS_PER_WINDOW, WINDOW_MS } from "./call-budget.ts";
import { ANSWER_MAX_BYTES } from "./call.ts";
import { namedLinksDisabled, readCloudflareSettings } from "./settings.ts";

const SECRET = new Secret(new Uint8Array(32).fill(3));

interface Bench {
  time: TestTime;
  fake: FakeCloudflare;
  api: CloudflareApi;
}

function bench(answer?: () => Response): Bench {
  const time = new TestTime();
  const fake = new FakeCloudflare({ now: () => time.clock.now() });
  const api = createCloudflareApi({
    settings: { accountId: fake.accountId, zoneId: fake.zoneId, token: new Secret(fake.token) },
    world: {
      clock: time.clock,
      timers: time.timers,
      network: { fetch: answer === undefined ? fake.fetch : () => Promise.resolve(answer()) },
    },
  });
  return { time, fake, api };
}

test("a 429 stops every call until it said, and not a moment longer", async () => {
  const { time, fake, api } = bench();
  fake.fail({ fault: "rate_limited" });
  expect(await rejection(api.listTunnels({}))).toMatchObject({ code: "too_many" });
  const asked = fake.calls.length;
  expect(await rejection(api.deleteRecord("0"))).toMatchObject({ code: "too_many" });
  expect(api.waitMs()).toBe(300_000);
  expect(fake.calls.length).toBe(asked);
  await time.advance(300_000);
  expect(api.waitMs()).toBe(0);
  expect(await api.listTunnels({})).toEqual([]);
});

test("we stop before the provider's limit does it for us", async () => {
  const { time, fake, api } = bench();
  for (let call = 0; call < CALLS_PER_WINDOW; call++) await api.getTunnel("none");
  expect(await rejection(api.getTunnel("none"))).toMatchObject({ code: "too_many" });
  expect(fake.calls.length).toBe(CALLS_PER_WINDOW);
  await time.advance(WINDOW_MS);
  expect(await api.getTunnel("none")).toBeUndefined();
});

test("a retry-after that is none means the whole window, and none is believed for ever", () => {
  for (const [header, waitMs] of [
    ["17", 17_000],
    ["999999999", 3_600_000],
    ["-1", WINDOW_MS],
    ["Fri, 20 Nov 2026 07:00:00 GMT", WINDOW_MS],
    [null, WINDOW_MS],
  ] as const) {
    const budget = new CallBudget({ monotonic: () => 0 });
    budget.block(header);
    expect(budget.waitMs).toBe(waitMs);
  }
});

test("an envelope that says no is no, whatever the status; and a page that is none is no answer", async () => {
  const no = JSON.stringify({
    success: false,
    errors: [{ code: 7777, message: "no\u001b[31m" }],
    result: null,
  });
  const refused = await rejection(bench(() => new Response(no, { status: 200 })).api.listTunnels({}));
  expect(refused).toMatchObject({ code: "provider_refused" });
  expect(String(refused)).toContain("no [31m (7777)");
  for (const [text, status] of [
    ["<html>", 200],
    ["", 200],
    ["null", 200],
    ["[]", 200],
    [`{"success":"true","result":[]}`, 200],
    [`{"success":true,"result":{}}`, 200],
    ["", 302],
  ] as const) {
    const { api } = bench(() => new Response(text, { status }));
    expect(await rejection(api.listTunnels({}))).toMatchObject({ code: "provider_unreachable" });
  }
});

test("an answer without end is cut off", async () => {
  let given = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          given += 65_536;
          controller.enqueue(new Uint8Array(65_536));
        },
      }),
    );
  expect(await rejection(bench(endless).api.listTunnels({}))).toMatchObject({ code: "provider_unreachable" });
  expect(given).toBeLessThan(2 * ANSWER_MAX_BYTES);
});

test("a fetch that never settles, whatever it is told, is given up", async () => {
  const time = new TestTime();
  const api = createCloudflareApi({
    settings: { accountId: "a", zoneId: "z", token: new Secret("t") },
    world: {
      clock: time.clock,
      timers: time.timers,
      network: { fetch: () => new Promise(() => {}) },
    },
  });
  expect(await time.until(rejection(api.listTunnels({})))).toMatchObject({ code: "provider_unreachable" });
  expect(time.nowMs).toBe(15_000);
});

test("lists are read to their last page, and a list that never ends is given up", async () => {
  const { fake, api } = bench();
  for (let index = 0; index < 250; index++) fake.state.addForeignTunnel(`t${index}`, "");
  expect(await api.listTunnels({})).toHaveLength(250);
  const item = { id: "x", name: "x", tun_type: "cfd_tunnel" };
  const page = JSON.stringify({ success: true, errors: [], result: Array.from({ length: 100 }, () => item) });
  expect(await rejection(bench(() => new Response(page)).api.listTunnels({}))).toMatchObject({
    code: "provider_unreachable",
  });
});

test("tunnels of another kind, deleted ones and things that are none are not taken for tunnels", async () => {
  const result = [
    { id: "a", name: "a", tun_type: "warp_connector" },
    { id: "b", name: "b", deleted_at: "2026-01-01T00:00:00Z" },
    { id: 1, name: "c" },
    null,
    "d",
    { id: "e", name: "e", status: "healthy", deleted_at: null },
  ];
  const { api } = bench(() => Response.json({ success: true, errors: [], result }));
  expect(await api.listTunnels({})).toEqual([{ id: "e", name: "e", status: "healthy" }]);
});

test("an id that would leave its place in a path is not used", async () => {
  const { api, fake } = bench();
  for (const id of ["../../user", "a/b", "a?x=1", "", "a".repeat(65)]) {
    expect(await rejection((async () => api.deleteRecord(id))())).toMatchObject({ code: "provider_refused" });
  }
  expect(fake.calls).toEqual([]);
});

test("the secret travels in the body alone, and errors don't repeat it", async () => {
  const { api, fake } = bench();
  fake.fail({ fault: "server_error" });
  const refused = await rejection(api.createTunnel({ name: "n", secret: SECRET }));
  expect(Bun.inspect(refused)).not.toContain(Buffer.from(SECRET.reveal()).toString("base64"));
  expect(fake.calls.join()).not.toContain("Aw");
});

test("all three settings make named links; anything less is one warning that names what is missing", () => {
  const lines: unknown[][] = [];
  const log: Log = {
    ...SILENT_LOG,
    info: (...line) => void lines.push(["info", ...line]),
    warn: (...line) => void lines.push(["warn", ...line]),
    debug: (...line) => void lines.push(["debug", ...line]),
  };
  const all = { CLOUDFLARE_ACCOUNT_ID: "acc", CLOUDFLARE_TUNNEL_TOKEN: "tok", CLOUDFLARE_ZONE_ID: "zone" };
  const settings = readCloudflareSettings(all, log);
  expect(settings).toMatchObject({ accountId: "acc", zoneId: "zone" });
  expect(settings?.token.reveal()).toBe("tok");
  expect(lines.splice(0)).toEqual([["info", "Cloudflare Tunnel service configured"]]);
  const warning = "Cloudflare Tunnel not configured - named links disabled";
  for (const [environment, fields] of [
    [{}, { missing: "CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_TUNNEL_TOKEN, CLOUDFLARE_ZONE_ID" }],
    [{ ...all, CLOUDFLARE_ZONE_ID: " " }, { missing: "CLOUDFLARE_ZONE_ID" }],
    [{ ...all, CLOUDFLARE_ACCOUNT_ID: "../x" }, { malformed: "CLOUDFLARE_ACCOUNT_ID" }],
    [{ ...all, CLOUDFLARE_TUNNEL_TOKEN: "a\r\nb" }, { malformed: "CLOUDFLARE_TUNNEL_TOKEN" }],
  ] as const) {
    expect(readCloudflareSettings(environment, log)).toBeUndefined();
    expect(lines.splice(0)).toEqual([["warn", warning, fields]]);
  }
  readCloudflareSettings({}, log, "debug");
  readCloudflareSettings({ CLOUDFLARE_ACCOUNT_ID: "acc" }, log, "debug");
  expect(lines.splice(0).map(([level]) => level)).toEqual(["debug", "warn"]);
  expect(namedLinksDisabled()).toMatchObject({ code: "unavailable", status: 503 });
  expect(namedLinksDisabled().hint).toContain("CLOUDFLARE_ZONE_ID");
});
