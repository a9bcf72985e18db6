import { describe, expect, test } from "bun:test";
import { makeApiKey } from "../../identity/api-key.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { DeviceView } from "../../protocol/views.ts";
import type { Ask } from "../calls/capability-desk.ts";
import { HUB, PAGE, testHub, type CallInit, type TestHub } from "./hub.fixture.ts";

/** A hub whose devices answer everything, and what they were asked. */
async function scene() {
  const asked: Ask[] = [];
  const hub = await testHub({
    capabilities: {
      ask(ask, events) {
        asked.push(ask);
        const { request_id } = ask.request;
        const reply = { type: "capability_response", request_id, from_device: "gpu", payload: "{}" } as const;
        queueMicrotask(() => {
          events.reply(reply);
          events.over();
        });
        return { resume() {}, cancel() {} };
      },
    },
  });
  const person = await hub.home.person("anna");
  return { hub, asked, person, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

const body = { messages: [] };
const PATHS = ["/v1/chat/completions", "/v1/embeddings", "/api/capabilities/x.own"];
const statuses = (hub: TestHub, init: CallInit): Promise<number[]> =>
  Promise.all(PATHS.map(async (path) => (await hub.call(path, { body, ...init })).status));

describe("a person without a key", () => {
  test("asks by the session, and the hub signs nothing", async () => {
    await using made = await scene();
    const { hub, asked, person } = made;
    expect(await statuses(hub, { cookie: person.cookie, origin: PAGE })).toEqual([200, 200, 200]);
    expect(await statuses(hub, { token: person.token, at: HUB })).toEqual([200, 200, 200]);
    expect(asked).toHaveLength(6);
    for (const { actor, caller, request } of asked) {
      expect([actor, caller, request.log]).toEqual([undefined, `person ${person.userId}`, hub.home.root]);
      expect(Object.keys(request)).not.toContainAnyValues(["signature", "by"]);
    }
  });

  test("sees the models of their own devices that are here, and none that another owner shares", async () => {
    await using made = await scene();
    const { hub, person } = made;
    const capabilities = [{ protocol: "llm.chat", version: "1.0.0", class: "compute" }];
    const view = (name: string, more: object): DeviceView =>
      ({
        name,
        status: "online",
        capabilities: capabilities.map((one) => ({ ...one, models: [`of-${name}`] })),
        ...more,
      }) as unknown as DeviceView; // what is looked at
    const devices = [view("gpu", {}), view("away", { status: "offline" }), view("theirs", { shared: true })];
    hub.parts.fleet.viewOf = () => ({ hub: { url: HUB, id: "hub", version: "0.1.0" }, devices, shares: [] });
    const listed = await hub.call("/v1/models", { cookie: person.cookie });
    expect(await listed.json()).toMatchObject({ data: [{ id: "of-gpu" }] });
  });

  test("is told what a device says that does not let the hub ask", async () => {
    const hint = '[policy] hub = "compute" on the device';
    const refusing = {
      ask: (): never => {
        throw new MusterError("forbidden", "no", { hint });
      },
    };
    await using hub = await testHub({ capabilities: refusing });
    const { cookie } = await hub.home.person("anna");
    const [chat, own] = await Promise.all(
      ["/v1/chat/completions", "/api/capabilities/x.own"].map((path) =>
        hub.call(path, { body, cookie, origin: PAGE }),
      ),
    );
    expect([chat?.status, own?.status]).toEqual([403, 403]);
    expect(await chat?.json()).toMatchObject({ error: { message: `no (${hint})`, code: "forbidden" } });
    expect(await own?.json()).toMatchObject({ error: { code: "forbidden", hint } });
  });
});

describe("the cookie of a session", () => {
  const SHARE = "http://annas.localhost:8080";
  test.each<[string, CallInit]>([
    ["without an origin", {}],
    ["from another site", { origin: "https://evil.example" }],
    ["from a share of the same domain", { origin: SHARE, headers: { "sec-fetch-site": "same-site" } }],
    ["that says so by its site alone", { origin: PAGE, headers: { "sec-fetch-site": "cross-site" } }],
    ["at another host of the hub", { origin: PAGE, at: HUB }],
    ["at another host of the hub, from there", { origin: HUB, at: HUB }],
  ])("asks for nothing %s", async (_, init) => {
    await using made = await scene();
    const { hub, asked, person } = made;
    expect(await statuses(hub, { cookie: person.cookie, ...init })).toEqual([401, 401, 403]);
    expect(asked).toEqual([]);
  });

  test.each<[string, CallInit]>([
    ["another site", { origin: "https://evil.example", headers: { "sec-fetch-site": "cross-site" } }],
    ["a link on another site", { headers: { "sec-fetch-site": "cross-site" } }],
    ["a share of the same domain", { headers: { "sec-fetch-site": "same-site" } }],
    ["another host of the hub", { at: HUB }],
  ])("lists no models to %s", async (_, init) => {
    await using made = await scene();
    const { hub, person } = made;
    expect((await hub.call("/v1/models", { cookie: person.cookie, ...init })).status).toBe(401);
  });

  test("counts for nothing beside a key, which asks as itself or not at all", async () => {
    await using made = await scene();
    const { hub, asked, person } = made;
    const token = makeApiKey(hub.crypto).text.reveal();
    expect(await statuses(hub, { cookie: person.cookie, origin: PAGE, token })).toEqual([401, 401, 401]);
    expect(asked).toEqual([]);
  });

  test("asks for nothing once it is signed out, or is of an account without devices", async () => {
    await using made = await scene();
    const { hub, asked, person } = made;
    await hub.accounts.signOut(new Request(PAGE, { headers: { cookie: person.cookie } }));
    expect(await statuses(hub, { cookie: person.cookie, origin: PAGE })).toEqual([401, 401, 401]);
    const bert = await hub.other.person("bert");
    await hub.store.db
      .updateTable("owners")
      .set({ user_id: null })
      .where("user_id", "=", bert.userId)
      .execute();
    expect(await statuses(hub, { cookie: bert.cookie, origin: PAGE })).toEqual([404, 404, 404]);
    expect(asked).toEqual([]);
  });
});
