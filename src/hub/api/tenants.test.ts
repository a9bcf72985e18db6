// Two owners on one hub, and every place of the HTTP API where an id can stand. What belongs to the other one is
// answered byte for byte as what does not exist, before and after a revocation. The table below must name every
// route: a new one does not pass this test until somebody has said which ids it takes.
import { describe, expect, test } from "bun:test";
import { appendEntry } from "../../identity/owner-log.ts";
import { makeInvite } from "../../identity/setup-token.ts";
import { Secret } from "../../identity/secret.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { everyRow } from "../../protocol/permissions.ts";
import { revokeDevice } from "../../store/devices.ts";
import { createAccounts } from "../accounts/better-auth-accounts.ts";
import { createApi } from "./api.ts";
import { type CallInit, HUB, PAGE, testHub, type TestHub } from "./hub.fixture.ts";
import { claiming, scene } from "./page-claim.fixture.ts";

const NONCE = "A".repeat(43);

interface Tenants {
  hub: TestHub;
  anna: Person;
  bert: Person;
  annasDevice: string;
  annasClaim: string;
}

interface Person {
  userId: string;
  cookie: string;
  token: string;
}

/** One id of Anna's, one of the same form that nobody has, and the call that Bert makes with it. */
interface Position {
  of: string;
  theirs(tenants: Tenants): string;
  missing: string;
  ask(id: string, tenants: Tenants): [string, CallInit];
}

type Coverage = Position[] | "takes no id" | "proves itself by what only its owner knows";

const ROUTES: Record<string, Coverage> = {
  "GET /health": "takes no id",
  "GET /api/hub": "takes no id",
  "GET /metrics": "takes no id",
  "GET /api/tls/ask": "takes no id",
  "GET /access.js": "takes no id",
  "GET /*": "takes no id",
  "GET /install.sh": "takes no id",
  "GET /download/:name": "takes no id",
  "GET /api/session": "takes no id",
  "POST /api/sign-out": "takes no id",
  "POST /v1/chat/completions": "takes no id",
  "POST /v1/completions": "takes no id",
  "POST /v1/responses": "takes no id",
  "POST /v1/embeddings": "takes no id",
  "GET /v1/models": "takes no id",
  "GET /v1/models/*": "takes no id",
  "GET /api/aggregate/tasks": "takes no id",
  "POST /api/query": "takes no id",
  "POST /api/capabilities/:protocol": "takes no id",
  "GET /api/fleet": "takes no id",
  "GET /api/device/status": "takes no id",
  "GET /api/devices/by-capability": "takes no id",
  "GET /api/devices/:id/services": [
    {
      of: "a device",
      theirs: ({ annasDevice }) => annasDevice,
      missing: "abcdefg-hijklmn-opqrstu-vwxyz23",
      ask: (id, { bert }) => [`/api/devices/${id}/services`, { token: bert.token, at: HUB }],
    },
  ],
  "POST /api/device/code": "takes no id",
  "POST /api/device/token": "proves itself by what only its owner knows",
  "POST /api/device/lookup": "proves itself by what only its owner knows",
  "POST /api/device/decide": "proves itself by what only its owner knows",
  "POST /api/device/setup": [
    {
      of: "the claim key of a setup token",
      theirs: ({ annasClaim }) => annasClaim,
      missing: NONCE,
      ask: (claim_key, { bert }) => [
        "/api/device/setup",
        { body: { device_type: "linux_arm64", claim_key }, token: bert.token, at: HUB },
      ],
    },
  ],
  "POST /api/devices/:id/tunnel/rotate": [
    {
      of: "a device",
      theirs: ({ annasDevice }) => annasDevice,
      missing: "abcdefg-hijklmn-opqrstu-vwxyz23",
      ask: (id, { bert }) => [`/api/devices/${id}/tunnel/rotate`, { body: {}, token: bert.token, at: HUB }],
    },
  ],
  "POST /api/login": "proves itself by what only its owner knows",
  "POST /api/sign-in": "proves itself by what only its owner knows",
  "POST /api/claim/offer": "proves itself by what only its owner knows",
  "POST /api/claim": "proves itself by what only its owner knows",
  "POST /api/device/log": "proves itself by what only its owner knows",
  "POST /api/device/register": "proves itself by what only its owner knows",
  "POST /api/device/claim": "proves itself by what only its owner knows",
  "GET /api/auth/passkey/generate-authenticate-options": "takes no id",
  "POST /api/auth/passkey/verify-authentication": "proves itself by what only its owner knows",
  "POST /api/auth/passkey/verify-registration": "proves itself by what only its owner knows",
  "POST /api/account": [accountPosition("/api/account", { name: "bert", password: "correct horse battery" })],
  "GET /api/auth/passkey/generate-register-options": [
    accountPosition("/api/auth/passkey/generate-register-options", undefined),
  ],
  "GET /api/auth/passkey/list-user-passkeys": [
    accountPosition("/api/auth/passkey/list-user-passkeys", undefined),
  ],
  "POST /api/auth/passkey/delete-passkey": [
    {
      of: "a passkey",
      theirs: () => "passkey-of-anna",
      missing: "passkey-of-nobody",
      ask: (id, { bert }) => [
        "/api/auth/passkey/delete-passkey",
        { body: { id }, origin: PAGE, ...signedIn(bert) },
      ],
    },
  ],
  "GET /api/audit": [
    {
      of: "the audit row that a page of it begins at",
      // Bert's row is the first, Anna's the second, and there is no third.
      theirs: () => "2",
      missing: "3",
      ask: (cursor, { bert }) => [`/api/audit?cursor=${cursor}`, { token: bert.token, at: HUB }],
    },
  ],
  "DELETE /api/devices/:id": [
    {
      of: "a device",
      theirs: ({ annasDevice }) => annasDevice,
      missing: "abcdefg-hijklmn-opqrstu-vwxyz23",
      ask: (id, { bert }) => [`/api/devices/${id}`, { method: "DELETE", token: bert.token, at: HUB }],
    },
  ],
  "GET /access": [
    {
      of: "a share's host",
      theirs: () => "annas.localhost:8080",
      missing: "nobodys.localhost:8080",
      ask: (to, { bert }) => [
        `/access?to=${to}&nonce=${NONCE}`,
        { cookie: bert.cookie, headers: { accept: "text/html" } },
      ],
    },
    {
      of: "a service's host",
      theirs: () => "api--annas-laptop.localhost:8080",
      missing: "api--nobodys-laptop.localhost:8080",
      ask: (to, { bert }) => [
        `/access?to=${to}&nonce=${NONCE}`,
        { cookie: bert.cookie, headers: { accept: "text/html" } },
      ],
    },
  ],
  "POST /api/access": [
    {
      of: "a share's host",
      theirs: () => "annas.localhost:8080",
      missing: "nobodys.localhost:8080",
      ask: (to, { bert }) => [
        "/api/access",
        { body: { to, nonce: NONCE }, cookie: bert.cookie, origin: PAGE },
      ],
    },
    {
      of: "a service's host",
      theirs: () => "api--annas-laptop.localhost:8080",
      missing: "api--nobodys-laptop.localhost:8080",
      ask: (to, { bert }) => [
        "/api/access",
        { body: { to, nonce: NONCE, key: NONCE }, cookie: bert.cookie, origin: PAGE },
      ],
    },
  ],
};

/** The cookie names an account: Anna's, or one that is none, beside the bearer of Bert's page. */
function accountPosition(path: string, body: unknown): Position {
  return {
    of: "the account that a cookie names",
    theirs: ({ anna }) => anna.cookie,
    missing: "__Host-muster-nothing=nobody",
    ask: (cookie, { bert }) => [
      path,
      { token: bert.token, cookie, origin: PAGE, ...(body === undefined ? {} : { body }) },
    ],
  };
}

function signedIn({ cookie, token }: Person): { cookie: string; token: string } {
  return { cookie, token };
}

async function twoTenants(): Promise<Tenants> {
  const hub = await testHub();
  const annas = await hub.home.device("annas-laptop");
  const berts = await hub.other.device("berts-laptop");
  await hub.home.share(annas.deviceId, "annas");
  await hub.other.share(berts.deviceId, "berts");
  const anna = await hub.home.person("anna");
  const bert = await hub.other.person("bert");
  for (const [person, ownerRoot] of [
    [bert, hub.other.root],
    [anna, hub.home.root],
  ] as const) {
    const actor = `user:${person.userId}`;
    await hub.parts.audit.record({ actor, action: "account.changed", target: actor, ownerRoot });
  }
  const passkey = {
    id: "passkey-of-anna",
    userId: anna.userId,
    publicKey: "k",
    credentialID: "c",
    counter: 0,
    deviceType: "singleDevice",
    backedUp: 0,
  };
  // The table is better-auth's own, and in no type of ours.
  await hub.store.db
    .insertInto("account_passkeys" as never)
    .values(passkey)
    .execute();
  const made = await makeInvite(hub.crypto, {
    log: hub.home.log(),
    hubKey: hub.hubSigner.publicKey,
    names: [],
    expiresAtMs: hub.clock.now() + 3_600_000,
    signer: hub.home.signer,
  });
  await hub.logs.append(made.entry);
  const annasClaim = (JSON.parse(made.entry.body) as { claim_key: string }).claim_key;
  return { hub, anna, bert, annasDevice: annas.deviceId, annasClaim };
}

/** Anna's server is Bert's too; her other things are not. */
async function shareOneDevice(hub: TestHub): Promise<{ deviceId: string; end(): Promise<void> }> {
  const at = await scene(hub, "annas-server");
  const { signer, log } = hub.other;
  const { entry, theirs } = await claiming(at, { signer, log: log() }, log().length);
  expect((await hub.call("/api/device/claim", { at: HUB, body: { entry, theirs } })).status).toBe(200);
  return {
    deviceId: deviceIdOf(hub.crypto.sha256(at.key)),
    async end() {
      const ended = await appendEntry(hub.crypto, hub.home.log(), {
        kind: "share",
        body: { step: "end", device: toBase64Url(at.key), owner: hub.other.root },
        signer: hub.home.signer,
      });
      const last = ended.entries.at(-1);
      if (last !== undefined) await hub.logs.append(last);
    },
  };
}

/** All of an answer but the id of its own request. */
async function bytesOf(answer: Response): Promise<string> {
  const headers = [...answer.headers].filter(([name]) => name !== "muster-request-id");
  return JSON.stringify([answer.status, headers, await answer.text()]);
}

describe("what is another tenant's", () => {
  test("has an entry here for every route that the hub answers", async () => {
    await using hub = await testHub();
    expect(Object.keys(ROUTES).toSorted()).toEqual([...hub.api.routes].toSorted());
    const guarded = everyRow().filter(
      (row) => row.by === "route" && row.resource !== "hub" && row.resource !== "owner",
    );
    // Every route about a thing of somebody's has a position, or proves itself otherwise.
    for (const row of guarded) expect(ROUTES[row.name]).not.toBe("takes no id");
  });

  for (const [route, coverage] of Object.entries(ROUTES)) {
    if (typeof coverage === "string") continue;
    for (const position of coverage) {
      test(`${route}: ${position.of} is answered like one that is not there`, async () => {
        const tenants = await twoTenants();
        await using hub = tenants.hub;
        const ask = async (id: string): Promise<string> =>
          bytesOf(await hub.call(...position.ask(id, tenants)));
        const before = await ask(position.theirs(tenants));
        expect(before).toBe(await ask(position.missing));
        expect(before).not.toContain(tenants.anna.userId);
        expect(before).not.toContain(hub.home.root);
        await revokeDevice(hub.store.db, tenants.annasDevice, hub.clock.now());
        await hub.accounts.signOut(new Request(PAGE, { headers: { cookie: tenants.anna.cookie } }));
        hub.clock.advance(60_000);
        const after = await ask(position.theirs(tenants));
        expect(after).toBe(await ask(position.missing));
      });
    }
  }

  for (const [route, coverage] of Object.entries(ROUTES)) {
    if (typeof coverage === "string") continue;
    for (const position of coverage) {
      test(`${route}: ${position.of} is so for a co-owner of another device as well`, async () => {
        const tenants = await twoTenants();
        await using hub = tenants.hub;
        const ask = async (id: string): Promise<string> =>
          bytesOf(await hub.call(...position.ask(id, tenants)));
        await shareOneDevice(hub);
        expect(await ask(position.theirs(tenants))).toBe(await ask(position.missing));
      });
    }
  }

  test("shows a co-owner the one device, and nobody else of its owner's", async () => {
    const tenants = await twoTenants();
    await using hub = tenants.hub;
    const { deviceId, end } = await shareOneDevice(hub);
    await hub.devices.load();
    const seen = (): string[] => hub.devices.commandedBy([hub.other.root]).map(({ name }) => name);
    expect(seen()).toEqual(["annas-server", "berts-laptop"]);
    expect(hub.devices.commandedBy([hub.home.root]).map(({ name }) => name)).not.toContain("berts-laptop");
    const services = async (id: string): Promise<number> =>
      (await hub.call(`/api/devices/${id}/services`, { token: tenants.bert.token, at: HUB })).status;
    expect([await services(tenants.annasDevice), await services(deviceId)]).toEqual([404, 200]);
    await end();
    expect([seen(), await services(deviceId)]).toEqual([["berts-laptop"], 404]);
  });

  test("is in nobody else's lists", async () => {
    const tenants = await twoTenants();
    await using hub = tenants.hub;
    for (const path of ["/api/audit", "/api/audit?limit=200&cursor=999", "/api/fleet"]) {
      const text = await (await hub.call(path, { token: tenants.bert.token })).text();
      expect(text).not.toContain(tenants.anna.userId);
      expect(text).not.toContain(hub.home.root);
    }
    const own = (await (await hub.call("/api/audit", { token: tenants.bert.token })).json()) as {
      items: unknown[];
    };
    expect(own.items).toHaveLength(1);
    const passkeys = "/api/auth/passkey/list-user-passkeys";
    expect(await (await hub.call(passkeys, signedIn(tenants.bert))).json()).toEqual([]);
    expect(await (await hub.call(passkeys, signedIn(tenants.anna))).text()).toContain("passkey-of-anna");
  });

  test("a person who was signed out and one who never was are told the same", async () => {
    const tenants = await twoTenants();
    await using hub = tenants.hub;
    const { cookie, token } = tenants.anna;
    await hub.accounts.signOut(new Request(PAGE, { headers: { cookie } }));
    hub.tokens.delete(token);
    const access = { body: { to: "annas.localhost:8080", nonce: NONCE }, origin: PAGE };
    for (const [path, revoked, never] of [
      ["/api/fleet", { token }, { token: "never" }],
      ["/api/audit", { token }, { token: "never" }],
      ["/api/session", { cookie }, {}],
      ["/api/access", { ...access, cookie }, access],
    ] as [string, CallInit, CallInit][]) {
      expect(await bytesOf(await hub.call(path, revoked))).toBe(await bytesOf(await hub.call(path, never)));
    }
  });

  test("one's own share is nobody's once its device is revoked", async () => {
    const tenants = await twoTenants();
    await using hub = tenants.hub;
    const ask = async (to: string): Promise<Response> =>
      hub.call("/api/access", { body: { to, nonce: NONCE }, cookie: tenants.anna.cookie, origin: PAGE });
    expect((await ask("annas.localhost:8080")).status).toBe(200);
    await revokeDevice(hub.store.db, tenants.annasDevice, hub.clock.now());
    const missing = await bytesOf(await ask("nobodys.localhost:8080"));
    expect(await bytesOf(await ask("annas.localhost:8080"))).toBe(missing);
  });
});

test("a copy of the database, opened without the hub's secret, lets nobody in", async () => {
  const tenants = await twoTenants();
  await using hub = tenants.hub;
  const thief = createAccounts({
    db: hub.store.db,
    pageOrigin: PAGE,
    hubId: hub.parts.hubId,
    secret: new Secret(new Uint8Array(32).fill(9)),
    hasher: { hash: (word) => Promise.resolve(word), verify: () => Promise.resolve(false) },
    clock: hub.clock,
    log: hub.parts.log,
  });
  const api = createApi({ ...hub.parts, accounts: thief, tokens: { verify: () => undefined } });
  const name = tenants.anna.cookie.split("=")[0] ?? "";
  const found = await hub.store.db.introspection.getTables();
  const values = new Set([tenants.anna.cookie.slice(name.length + 1), tenants.anna.token]);
  for (const { name: table } of found) {
    const rows = (await hub.store.db
      .selectFrom(table as never)
      .selectAll()
      .execute()) as Record<string, unknown>[];
    for (const value of rows.flatMap((row) => Object.values(row))) values.add(text(value));
  }
  expect(values.size).toBeGreaterThan(40);
  let at = 0;
  for (const value of values) {
    const facts = { visitor: "192.0.2.7", requestId: `thief-${++at}` };
    const cookie = `${name}=${encodeURIComponent(value)}`;
    const session = await api.fetch(new Request(`${PAGE}/api/session`, { headers: { cookie } }), facts);
    expect(await session.json()).toMatchObject({ user: null });
    if (!/^[\x21-\x7e]+$/.test(value)) continue;
    const headers = { authorization: `Bearer ${value}` };
    expect((await api.fetch(new Request(`${HUB}/api/fleet`, { headers }), facts)).status).toBe(401);
  }
});

function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64url") : String(value);
}
