// Two owners on one hub, and what a program of the one may name of the other's: devices, models, capabilities, queries;
// and a person without a key, for whom the hub asks. What is there and what is not are answered by the same bytes, and nobody of the other's is asked. The table below must
// name every route that a program's key opens: a new one does not pass until somebody has said what it can name.
import { describe, expect, test } from "bun:test";
import { makeApiKey } from "../../identity/api-key.ts";
import { appendEntry } from "../../identity/owner-log.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import type { EntryBody, GrantScope } from "../../protocol/owner-log.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { everyRow } from "../../protocol/permissions.ts";
import type { DeviceView, FleetView } from "../../protocol/views.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { CapabilityDesk } from "../calls/capability-desk.ts";
import { QueryDesk } from "../calls/query-desk.ts";
import type { Session } from "../sessions/session.ts";
import type { ApiParts } from "./ports.ts";
import { claiming, scene } from "./page-claim.fixture.ts";
import { HUB, PAGE, testHub, type CallInit, type Owner, type TestHub } from "./hub.fixture.ts";

interface Tenants extends AsyncDisposable {
  hub: TestHub;
  /** Devices that were asked for anything. */
  asked: string[];
  annas: { deviceId: string; name: string };
  /** Bert's, with all scopes. */
  key: string;
  bert: { cookie: string; token: string };
}

const MISSING_ID = "abcdefg-hijklmn-opqrstu-vwxyz23";
/** Something that Anna has, something of the same form that nobody has, and the call of Bert's program. */
interface Naming {
  what: string;
  theirs(tenants: Tenants): string;
  missing: string;
  ask(name: string): [string, CallInit];
}

const body = { messages: [] };
const deviceNamings = (ask: Naming["ask"]): Naming[] => [
  { what: "a device by name", theirs: ({ annas }) => annas.name, missing: "nobodys", ask },
  { what: "a device by id", theirs: ({ annas }) => annas.deviceId, missing: MISSING_ID, ask },
  {
    what: "a device by the beginning of its id",
    theirs: ({ annas }) => annas.deviceId.slice(0, 8),
    missing: MISSING_ID.slice(0, 8),
    ask,
  },
];
const modelCall = (path: string): Naming[] => [
  ...deviceNamings((name) => [path, { body, headers: { "muster-device": name } }]),
  ...deviceNamings((name) => [path, { body: { ...body, model: `qwen@${name}` } }]),
  {
    what: "a model",
    theirs: () => "annas-model",
    missing: "nobodys-model",
    ask: (model) => [path, { body: { ...body, model } }],
  },
];

const ROUTES: Record<string, Naming[]> = {
  "POST /v1/chat/completions": modelCall("/v1/chat/completions"),
  "POST /v1/completions": modelCall("/v1/completions"),
  "POST /v1/responses": modelCall("/v1/responses"),
  "POST /v1/embeddings": modelCall("/v1/embeddings"),
  "GET /v1/models": [],
  "GET /v1/models/*": [
    {
      what: "a model",
      theirs: () => "annas-model",
      missing: "nobodys-model",
      ask: (model) => [`/v1/models/${model}`, {}],
    },
  ],
  "POST /api/capabilities/:protocol": [
    ...deviceNamings((name) => [`/api/capabilities/x.own?prefer_device=${name}`, { body }]),
    ...deviceNamings((name) => [`/api/capabilities/x.own?only_device=${name}`, { body }]),
    {
      what: "a capability",
      theirs: () => "x.annas",
      missing: "x.nobodys",
      ask: (protocol) => [`/api/capabilities/${protocol}`, { body }],
    },
  ],
  "GET /api/devices/:id/services": [
    {
      what: "a device by id",
      theirs: ({ annas }) => annas.deviceId,
      missing: MISSING_ID,
      ask: (id) => [`/api/devices/${id}/services`, {}],
    },
  ],
  "GET /api/devices/by-capability": [
    {
      what: "a capability",
      theirs: () => "x.annas",
      missing: "x.nobodys",
      ask: (protocol) => [`/api/devices/by-capability?protocol=${protocol}`, {}],
    },
  ],
  "GET /api/fleet": [],
  "GET /api/device/status": [],
  "GET /api/aggregate/tasks": [],
  "POST /api/query": [
    ...deviceNamings((name) => ["/api/query", { body: { type: "ListTasks", devices: [name] } }]),
    {
      what: "a plugin's query",
      theirs: () => "AnnasNotes",
      missing: "NobodysNotes",
      ask: (name) => ["/api/query", { body: { type: "Custom", name } }],
    },
  ],
};

const offer = (protocol: string, models: string[] = []): CapabilityOffer => ({
  protocol,
  version: "1.0.0",
  class: "compute",
  ...(models.length === 0 ? {} : { models }),
});

async function keyOf(
  { crypto, logs }: TestHub,
  owner: Owner,
  change: Partial<EntryBody<"key">> = {},
): Promise<string> {
  const { text, signer } = makeApiKey(crypto);
  const grant: EntryBody<"key"> = {
    public_key: toBase64Url(signer.publicKey),
    name: "program",
    holder: "program",
    scopes: ["capabilities", "models", "read", "share"],
    capabilities: null,
    devices: null,
    until: null,
    ...change,
  };
  const log = await appendEntry(crypto, owner.log(), { kind: "key", body: grant, signer: owner.signer });
  const entry = log.entries.at(-1);
  if (entry !== undefined) await logs.append(entry);
  return text.reveal();
}

/** Anna's device and Bert's offer alike, each with something of its own too. Both are here, and take no stream. */
async function twoTenants(): Promise<Tenants> {
  const late: { capabilities?: CapabilityDesk; queries?: QueryDesk; view?: ApiParts["fleet"]["viewOf"] } = {};
  const there = <One>(one: One | undefined): One => {
    if (one === undefined) throw new Error("it is not there yet");
    return one;
  };
  const hub = await testHub({
    capabilities: { ask: (ask, events) => there(late.capabilities).ask(ask, events) },
    queries: {
      ask: (roots, query, events) => there(late.queries).ask(roots, query, events),
      keysOf: (roots, references) => there(late.queries).keysOf(roots, references),
    },
    fleet: { viewOf: (roots) => there(late.view)(roots) },
  });
  const annas = await hub.home.device("annas-gpu");
  const berts = await hub.other.device("berts-gpu");
  for (const { deviceId } of [annas, berts]) await hub.devices.refresh(deviceId);
  const asked: string[] = [];
  const offers = {
    of: (id: string) => {
      const whose = id === annas.deviceId ? "annas" : "berts";
      const capabilities = [
        offer("llm.chat", ["qwen", `${whose}-model`]),
        offer("embeddings", ["qwen", `${whose}-model`]),
        offer("x.own"),
        offer(`x.${whose}`),
      ];
      return { services: [], capabilities, queries: [whose === "annas" ? "AnnasNotes" : "BertsNotes"] };
    },
  };
  const session = (id: string): Session => {
    const trunk = { roundTripMs: 1, open: () => (asked.push(id), "closed" as const) };
    return { leaving: false, trunk } as unknown as Session; // what the desks look at
  };
  const directory = { device: session };
  const time = new FakeTime();
  const parts = { clock: hub.clock, timers: time, devices: hub.devices, offers, directory };
  late.capabilities = new CapabilityDesk({ ...parts, granted: () => [] });
  late.queries = new QueryDesk(parts);
  late.view = (roots): FleetView => ({
    hub: { url: HUB, id: "hub", version: "0.1.0" },
    devices: [
      ...(roots.includes(hub.home.root) ? [viewOf("annas-gpu", annas.deviceId, offers)] : []),
      ...(roots.includes(hub.other.root) ? [viewOf("berts-gpu", berts.deviceId, offers)] : []),
    ],
    shares: [],
  });
  return {
    hub,
    asked,
    annas: { ...annas, name: "annas-gpu" },
    key: await keyOf(hub, hub.other),
    bert: await hub.other.person("bert"),
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

function viewOf(
  name: string,
  id: string,
  offers: { of(id: string): { capabilities: CapabilityOffer[] } },
): DeviceView {
  return {
    id,
    name,
    kind: "laptop",
    platform: "linux-x86_64",
    status: "online",
    since: null,
    last_seen: null,
    agent_version: null,
    location: null,
    hostname: null,
    controller: false,
    latency_ms: null,
    health: null,
    services: [],
    capabilities: offers.of(id).capabilities,
  };
}

/** All of an answer but the id of its own request, with what was asked for as one word. */
async function bytesOf(answer: Response, named: string): Promise<string> {
  const headers = [...answer.headers].filter(
    ([name]) => !["muster-request-id", "content-length"].includes(name),
  );
  return JSON.stringify([answer.status, headers, await answer.text()]).replaceAll(named, "NAMED");
}

const ofPersons = everyRow().filter(
  ({ by, kinds, action }) =>
    by === "route" && kinds.includes("account") && (action === "models.use" || action === "capability.use"),
);

describe("what a program of another tenant names", () => {
  test("has an entry here for every route that a program's key opens", () => {
    const open = everyRow().filter(
      ({ by, kinds, resource }) => by === "route" && kinds.includes("program") && resource !== "hub",
    );
    expect(Object.keys(ROUTES).toSorted()).toEqual(open.map(({ name }) => name).toSorted());
  });

  for (const [route, namings] of Object.entries(ROUTES)) {
    namings.forEach(({ what, theirs, missing, ask }, at) => {
      test(`${route} (${at}): ${what} is answered like one that is not there`, async () => {
        await using tenants = await twoTenants();
        const { hub, key, asked, annas } = tenants;
        const answerTo = async (name: string): Promise<string> => {
          const [path, init] = ask(name);
          return bytesOf(await hub.call(path, { ...init, token: key, at: HUB }), name);
        };
        expect(await answerTo(theirs(tenants))).toBe(await answerTo(missing));
        expect(asked).not.toContain(annas.deviceId);
      });
    });
  }

  for (const { name: route } of ofPersons) {
    ROUTES[route]?.forEach(({ what, theirs, missing, ask }, at) => {
      test(`${route} (${at}): ${what} is answered so to a person without a key as well`, async () => {
        await using tenants = await twoTenants();
        const { hub, bert, asked, annas } = tenants;
        for (const shown of [{ cookie: bert.cookie, origin: PAGE }, { token: bert.token }]) {
          const answerTo = async (name: string): Promise<string> => {
            const [path, init] = ask(name);
            return bytesOf(await hub.call(path, { ...init, ...shown }), name);
          };
          expect(await answerTo(theirs(tenants))).toBe(await answerTo(missing));
        }
        expect(asked).not.toContain(annas.deviceId);
      });
    });
  }

  test("is answered otherwise to a person of its own, whose devices alone are asked and listed", async () => {
    await using tenants = await twoTenants();
    const { hub, bert, asked, annas } = tenants;
    const shown = { cookie: bert.cookie, origin: PAGE };
    for (const path of ["/api/capabilities/x.own", "/api/capabilities/x.berts", "/v1/chat/completions"]) {
      asked.length = 0;
      await hub.call(path, { body, ...shown });
      expect(asked).toHaveLength(1);
      expect(asked).not.toContain(annas.deviceId);
    }
    const listed = await (await hub.call("/v1/models", shown)).text();
    expect([listed.includes("berts-model"), listed.includes("annas")]).toEqual([true, false]);
  });

  test("is nothing to a co-owner without a key, though the device is shared", async () => {
    await using tenants = await twoTenants();
    const { hub, bert, asked } = tenants;
    const shared = await scene(hub, "annas-server");
    const { signer, log } = hub.other;
    const claim = await claiming(shared, { signer, log: log() }, log().length);
    const { entry, theirs } = claim;
    expect((await hub.call("/api/device/claim", { at: HUB, body: { entry, theirs } })).status).toBe(200);
    await hub.devices.load();
    const id = deviceIdOf(hub.crypto.sha256(shared.key));
    expect(hub.devices.commandedBy([hub.other.root]).map((row) => row.device_id)).toContain(id);
    const answerTo = async (name: string): Promise<string> => {
      const path = `/api/capabilities/x.own?only_device=${name}`;
      return bytesOf(await hub.call(path, { body, cookie: bert.cookie, origin: PAGE }), name);
    };
    for (const name of ["annas-server", id]) {
      expect(await answerTo(name)).toBe(await answerTo(name === id ? MISSING_ID : "nobodys"));
    }
    await hub.call("/v1/chat/completions", { body, cookie: bert.cookie, origin: PAGE });
    expect(asked).toHaveLength(1);
    expect(asked).not.toContain(id);
  });

  test("is answered otherwise where it is its own, so that the refusals mean something", async () => {
    await using tenants = await twoTenants();
    const { hub, key, asked } = tenants;
    for (const path of ["x.own?prefer_device=berts-gpu", "x.own?only_device=berts-gpu", "x.berts"]) {
      asked.length = 0;
      await hub.call(`/api/capabilities/${path}`, { body, token: key, at: HUB });
      expect(asked).toHaveLength(1);
    }
    for (const path of ["/v1/models/berts-model", "/api/devices/by-capability?protocol=x.berts"]) {
      expect(await (await hub.call(path, { token: key, at: HUB })).text()).toContain("berts-gpu");
    }
  });

  test("has a person's form for each route by which capabilities are asked for", () => {
    expect(ofPersons).toHaveLength(7);
  });

  test("is told of models alone that it may use itself, also of its own owner's", async () => {
    await using tenants = await twoTenants();
    const { hub } = tenants;
    const listed = async (scopes: GrantScope[], capabilities: string[] | null = null) => {
      const token = await keyOf(hub, hub.other, { scopes, capabilities });
      const answer = await hub.call("/v1/models", { token, at: HUB });
      return [answer.status, (await answer.text()).includes("berts-model")];
    };
    expect(await listed(["models"])).toEqual([200, true]);
    expect(await listed(["capabilities"], ["embeddings"])).toEqual([200, true]);
    expect(await listed(["capabilities"])).toEqual([200, true]);
    expect(await listed(["capabilities"], ["x.own"])).toEqual([403, false]);
    expect(await listed(["read"])).toEqual([403, false]);
  });

  test("is in none of its lists, and whoever shows a key that is nobody's gets none", async () => {
    await using tenants = await twoTenants();
    const { hub, key } = tenants;
    for (const path of ["/api/fleet", "/api/device/status", "/v1/models"]) {
      const answer = await hub.call(path, { token: key, at: HUB });
      const text = await answer.text();
      expect([path, answer.status]).toEqual([path, 200]);
      expect(text).toContain("berts");
      expect(text).not.toContain("annas");
    }
    const forged = makeApiKey(hub.crypto).text.reveal();
    for (const path of ["/api/fleet", "/v1/models"]) {
      expect((await hub.call(path, { token: forged, at: HUB })).status).toBe(401);
    }
  });
});
