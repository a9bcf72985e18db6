import { expect, test } from "bun:test";
import { Secret } from "../../../src/identity/secret.ts";
import { createCloudflareApi, type CloudflareApi } from "../../../src/tunnels/cloudflare/api.ts";
import { realWorld } from "../../../src/world/real.ts";
import { FakeCloudflare, RATE_LIMIT } from "./cloudflare.ts";
import { type Document, isObject, operationOf, problems, responseSchema } from "./schema.ts";
import { serveFakeCloudflare } from "./serve.ts";

const SCHEMAS = process.env["MUSTER_SCHEMAS"];
const SECRET = new Secret(new Uint8Array(32).fill(3));

function apiOf(fake: FakeCloudflare, baseUrl?: string): CloudflareApi {
  return createCloudflareApi({
    settings: { accountId: fake.accountId, zoneId: fake.zoneId, token: new Secret(fake.token) },
    world: { ...realWorld, network: { fetch: baseUrl === undefined ? fake.fetch : realWorld.network.fetch } },
    ...(baseUrl === undefined ? {} : { baseUrl }),
  });
}

/** Every call that the client knows, with each of its expected outcomes. */
async function everyCall(fake: FakeCloudflare, api: CloudflareApi): Promise<void> {
  const made = await api.createTunnel({ name: "muster-hub-pi", secret: SECRET });
  if (made === "name_taken") throw new Error("the fake is not empty");
  expect(await api.createTunnel({ name: "muster-hub-pi", secret: SECRET })).toBe("name_taken");
  expect(await api.getTunnel(made.id)).toEqual(made);
  expect(await api.listTunnels({ namePrefix: "muster-", name: made.name, id: made.id })).toEqual([made]);
  expect(await api.setSecret(made.id, SECRET)).toBe("set");
  expect(await api.getSecret(made.id)).toEqual(SECRET);
  expect(fake.state.connect(made.id, Buffer.from(SECRET.reveal()).toString("base64"))).toBe(true);
  expect(await api.deleteTunnel(made.id)).toBe("connected");
  expect(await api.endConnections(made.id)).toBe("ended");
  const record = { name: "pi.example.com", tunnelId: made.id, comment: "muster hub" };
  const there = await api.createRecord(record);
  if (there === "in_the_way") throw new Error("the fake is not empty");
  expect(await api.createRecord(record)).toBe("in_the_way");
  expect(await api.listRecords({ name: "pi.example.com", comment: "MUSTER hub" })).toEqual([there]);
  expect(await api.deleteRecord(there.id)).toBe("deleted");
  expect(await api.deleteRecord(there.id)).toBe("gone");
  expect(await api.deleteTunnel(made.id)).toBe("deleted");
  expect(await api.deleteTunnel(made.id)).toBe("gone");
  expect(await api.getTunnel(made.id)).toBeUndefined();
  expect(await api.listTunnels({})).toEqual([]);
}

test("it answers every call that the client makes", async () => {
  const fake = new FakeCloudflare();
  await everyCall(fake, apiOf(fake));
});

test("it does the same as a server of its own", async () => {
  using served = serveFakeCloudflare();
  await everyCall(served.fake, apiOf(served.fake, served.baseUrl));
  const state = await fetch(new URL("/fake/state", served.baseUrl));
  expect(await state.json()).toMatchObject({ tunnels: [], records: [] });
});

test("without the filter deleted tunnels are listed too, as the API does", async () => {
  const fake = new FakeCloudflare();
  const gone = fake.state.addForeignTunnel("old", "");
  gone.deletedAt = "2026-01-01T00:00:00Z";
  const url = `https://api.cloudflare.com/client/v4/accounts/${fake.accountId}/cfd_tunnel`;
  const init = { headers: { authorization: `Bearer ${fake.token}` } };
  expect(await (await fake.fetch(url, init)).json()).toMatchObject({ result: [{ name: "old" }] });
  expect(await (await fake.fetch(`${url}?is_deleted=false`, init)).json()).toMatchObject({ result: [] });
});

test("one call too many blocks all calls for five minutes", async () => {
  let now = 0;
  const fake = new FakeCloudflare({ now: () => now });
  const url = `https://api.cloudflare.com/client/v4/accounts/${fake.accountId}/cfd_tunnel`;
  const init = { headers: { authorization: `Bearer ${fake.token}` } };
  for (let call = 0; call < RATE_LIMIT.calls; call++) expect((await fake.fetch(url, init)).status).toBe(200);
  const refused = await fake.fetch(url, init);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "300"]);
  now += RATE_LIMIT.windowMs - 1;
  expect((await fake.fetch(url, init)).status).toBe(429);
  now += 1;
  expect((await fake.fetch(url, init)).status).toBe(200);
});

test("a wrong token, path or body is refused in the envelope", async () => {
  const fake = new FakeCloudflare();
  const base = `https://api.cloudflare.com/client/v4`;
  const authorization = `Bearer ${fake.token}`;
  const codeOf = async (path: string, init?: RequestInit): Promise<unknown> => {
    const body = (await (await fake.fetch(base + path, init)).json()) as { errors: { code: number }[] };
    return body.errors[0]?.code;
  };
  expect(await codeOf(`/accounts/${fake.accountId}/cfd_tunnel`)).toBe(10000);
  expect(await codeOf("/accounts/other/cfd_tunnel", { headers: { authorization } })).toBe(7003);
  const post = { method: "POST", headers: { authorization } };
  expect(await codeOf(`/accounts/${fake.accountId}/cfd_tunnel`, { ...post, body: "{" })).toBe(6007);
  const short = JSON.stringify({ name: "a", tunnel_secret: "AAAA" });
  expect(await codeOf(`/accounts/${fake.accountId}/cfd_tunnel`, { ...post, body: short })).toBe(1002);
});

test.skipIf(SCHEMAS === undefined)(
  "its requests and answers have the shapes of the public schema (set MUSTER_SCHEMAS to run)",
  async () => {
    // A trusted local file of the known shape.
    const document = (await Bun.file(`${SCHEMAS}/cloudflare_slice.json`).json()) as Document;
    const fake = new FakeCloudflare();
    const found: string[] = [];
    let exchanges = 0;
    fake.onExchange = ({ method, path, body }, { status, body: answer }) => {
      exchanges += 1;
      const operation = operationOf(document, method, path);
      if (operation === undefined) {
        found.push(`${method} ${path}: not in the schema`);
        return;
      }
      const wanted = operation.requestBody?.content["application/json"]?.schema;
      const sent =
        isObject(wanted) && method !== "DELETE"
          ? problems({ document, direction: "request" }, wanted, body)
          : [];
      const answers = responseSchema(operation, status);
      // The schema's refusals ask for success and failure at once: only the failure's half can hold.
      const half = status < 300 ? answers : ((answers?.["allOf"] ?? []) as Record<string, unknown>[])[1];
      const got =
        half === undefined ? ["no such answer"] : problems({ document, direction: "response" }, half, answer);
      found.push(...[...sent, ...got].map((problem) => `${method} ${path} ${status} ${problem}`));
    };
    await everyCall(fake, apiOf(fake));
    expect(found).toEqual([]);
    // The check itself notices what is wrong.
    const tunnel = document.components.schemas["tunnel_cfd_tunnel"] ?? {};
    const check = { document, direction: "response" as const };
    expect(problems(check, tunnel, { id: 7, tun_type: "other", created_at: "soon" })).toHaveLength(3);
    expect(exchanges).toBe(17);
  },
);
