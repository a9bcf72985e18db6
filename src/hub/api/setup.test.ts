import { describe, expect, test } from "bun:test";
import { Secret } from "../../identity/secret.ts";
import { makeClaim, makeInvite } from "../../identity/setup-token.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import { addTunnel, turnTunnel } from "../../store/tunnel-rows.ts";
import type { LinkWish, TunnelCredentials } from "../../tunnels/link.ts";
import { HUB, testHub, type TestHub } from "./hub.fixture.ts";

const HOUR_MS = 3_600_000;
const SECRET = new Uint8Array(32).fill(7);

/** Named links that are made at once: who asked for one, and whose each is now. `giving` comes before each gift. */
function namedLinks(
  hub: TestHub,
  giving: () => Promise<void> = async () => {},
): { made: LinkWish[]; heldBy: Map<string, string> } {
  const made: LinkWish[] = [];
  const heldBy = new Map<string, string>();
  const { link } = hub.life.named;
  Object.assign(hub.life.named, {
    link: {
      ...link,
      async create(wish: LinkWish) {
        if (!heldBy.has(wish.holder)) made.push(wish);
        heldBy.set(wish.holder, wish.hostname);
        return link.status(wish.holder);
      },
      async give(from: string, to: string) {
        await giving();
        const hostname = heldBy.get(from);
        if (hostname === undefined) return false;
        heldBy.delete(from);
        heldBy.set(to, hostname);
        return true;
      },
      async credentials(holder: string): Promise<TunnelCredentials | undefined> {
        const hostname = heldBy.get(holder);
        if (hostname === undefined) return undefined;
        return { accountTag: "account", tunnelId: "tunnel-1", hostname, secret: new Secret(SECRET) };
      },
    },
  });
  return { made, heldBy };
}

interface Token {
  claim_key: string;
  /** The entry of a device that calls itself so. */
  claim(name: string): Promise<{ entry: OwnerLogEntry; deviceId: string }>;
}

async function token(hub: TestHub): Promise<Token> {
  const { crypto, home, hubSigner, clock } = hub;
  const made = await makeInvite(crypto, {
    log: home.log(),
    hubKey: hubSigner.publicKey,
    names: [],
    expiresAtMs: clock.now() + HOUR_MS,
    signer: home.signer,
  });
  await hub.logs.append(made.entry);
  const { claim_key } = JSON.parse(made.entry.body) as { claim_key: string };
  return {
    claim_key,
    async claim(name) {
      const signer = crypto.ed25519Signer(crypto.randomBytes(32));
      const linkKey = crypto.x25519PublicKey(crypto.randomBytes(32));
      const platform = "linux-arm64";
      const device = { signer, linkKey, name, kind: "raspberry_pi", platform } as const;
      const wish = { token: made.token, log: home.log(), hubKey: hubSigner.publicKey };
      const { entry } = await makeClaim(crypto, { ...wish, device: { ...device, sshHostKeys: [] } });
      return { entry, deviceId: deviceIdOf(crypto.sha256(signer.publicKey)) };
    },
  };
}

function register(hub: TestHub, entry: OwnerLogEntry): Promise<Response> {
  const about = { name: "pi", kind: "raspberry_pi", platform: "linux-arm64", version: "0.1.0" };
  return hub.call("/api/device/register", { at: HUB, body: { entry, ...about } });
}

async function prepare(
  hub: TestHub,
  bearer: string,
  wish: object,
): Promise<[number, Record<string, unknown>]> {
  const body = { device_type: "linux_arm64", ...wish };
  const response = await hub.call("/api/device/setup", { at: HUB, token: bearer, body });
  return [response.status, (await response.json()) as Record<string, unknown>];
}

describe("a place that was prepared for a setup token", () => {
  test("whose tunnel takes its time holds up no other entry of the owner's log", async () => {
    await using hub = await testHub();
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    namedLinks(hub, () => {
      begun.resolve();
      return gate.promise;
    });
    const ann = await hub.home.person("ann");
    const { claim_key, claim } = await token(hub);
    await prepare(hub, ann.token, { name: "attic", link: "named", claim_key });
    const answer = register(hub, (await claim("raspberrypi")).entry);
    await begun.promise;
    await token(hub);
    gate.resolve();
    expect((await answer).status).toBe(200);
  });

  test("gives name, host name and tunnel to the device that claims it, again after a lost answer", async () => {
    await using hub = await testHub();
    const { made, heldBy } = namedLinks(hub);
    const ann = await hub.home.person("ann");
    const { claim_key, claim } = await token(hub);
    const [status, prepared] = await prepare(hub, ann.token, { name: "attic", link: "named", claim_key });
    expect(status).toBe(200);
    expect(prepared).toMatchObject({
      hostname: "attic.localhost",
      tunnel_id: "tunnel-1",
      registration_code: null,
      expires_at: new Date(hub.clock.now() + HOUR_MS).toISOString(),
    });
    const { entry, deviceId } = await claim("raspberrypi");
    const answers = [await register(hub, entry), await register(hub, entry)];
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({
        device_id: deviceId,
        name: "attic",
        hostname: "attic.localhost",
        owners: [hub.home.root],
        tunnel_credentials: {
          account_tag: "account",
          tunnel_id: "tunnel-1",
          hostname: "attic.localhost",
          tunnel_secret: Buffer.from(SECRET).toString("base64"),
        },
      });
    }
    expect(made).toHaveLength(1);
    expect([...heldBy]).toEqual([[deviceId, "attic.localhost"]]);
  });

  test("is found again by who asks twice, and not made for another link", async () => {
    await using hub = await testHub();
    const { made } = namedLinks(hub);
    const ann = await hub.home.person("ann");
    const { claim_key, claim } = await token(hub);
    const wish = { name: "attic", link: "named", claim_key };
    const [, first] = await prepare(hub, ann.token, wish);
    const [, again] = await prepare(hub, ann.token, wish);
    expect(again).toEqual(first);
    expect(made).toHaveLength(1);
    const [status, refused] = await prepare(hub, ann.token, { ...wish, link: "hub" });
    expect([status, refused]).toMatchObject([409, { error: { code: "conflict" } }]);
    await register(hub, (await claim("pi")).entry);
    expect((await prepare(hub, ann.token, wish))[0]).not.toBe(200);
  });

  test("is one place, also when it is asked for twice at once", async () => {
    await using hub = await testHub();
    const ann = await hub.home.person("ann");
    const { claim_key } = await token(hub);
    const asked = () => prepare(hub, ann.token, { name: "attic", claim_key });
    const [first, second] = await Promise.all([asked(), asked()]);
    expect(first[0]).toBe(200);
    expect(second).toEqual(first);
  });

  test("is not waited for: once it is over, the token still lets its device in, under its own name", async () => {
    await using hub = await testHub();
    namedLinks(hub);
    const ann = await hub.home.person("ann");
    const { claim_key, claim } = await token(hub);
    await prepare(hub, ann.token, { name: "attic", link: "named", claim_key, expires_in: 60 });
    hub.clock.advance(60_000);
    const answer = (await (await register(hub, (await claim("pi")).entry)).json()) as object;
    expect(answer).toMatchObject({ name: "pi", hostname: "pi.localhost" });
    expect(answer).not.toHaveProperty("tunnel_credentials");
  });

  test("is prepared for no token that is spent, over, unknown, or another owner's", async () => {
    await using hub = await testHub();
    const [ann, bert] = [await hub.home.person("ann"), await hub.other.person("bert")];
    const [spent, open] = [await token(hub), await token(hub)];
    await register(hub, (await spent.claim("pi")).entry);
    const unknown = toBase64Url(hub.crypto.sha256(fromBase64Url(open.claim_key) ?? SECRET));
    const tries = [
      await prepare(hub, ann.token, { claim_key: spent.claim_key }),
      await prepare(hub, ann.token, { claim_key: unknown }),
      await prepare(hub, bert.token, { claim_key: open.claim_key }),
    ];
    hub.clock.advance(HOUR_MS);
    tries.push(await prepare(hub, ann.token, { claim_key: open.claim_key }));
    expect(tries.map(([status]) => status)).toEqual([422, 422, 422, 422]);
    expect(new Set(tries.map(([, answer]) => JSON.stringify(answer))).size).toBe(1);
  });
});

test("the status of each device has what it offers and what leads to it, a place that waits included", async () => {
  await using hub = await testHub();
  const ann = await hub.home.person("ann");
  const { db } = hub.store;
  const view = {
    id: "dev-1",
    name: "nas",
    status: "stale",
    services: [{ name: "ssh", local_port: 22 }],
    capabilities: [{ protocol: "llm.chat", version: "1.0.0" }],
  };
  Object.assign(hub.parts.fleet, { viewOf: () => ({ devices: [view] }) });
  await prepare(hub, ann.token, { name: "attic" });
  await addTunnel(
    db,
    { holder: "dev-1", name: "muster-1", hostname: "nas.localhost", secret: null },
    hub.clock.now(),
  );
  await turnTunnel(db, "dev-1", { state: "revoking", tries: 1, reason: "1022", next_try_at: 0 });
  const response = await hub.call("/api/device/status", { at: HUB, token: ann.token });
  expect(await response.json()).toMatchObject({
    devices: [
      {
        device_id: "dev-1",
        status: "stale",
        services: [{ name: "ssh" }],
        capabilities: [{ protocol: "llm.chat" }],
        link: { kind: "named", state: "revoking", checked_at: null, reason: "1022" },
      },
      { device_id: null, name: "attic", status: "pending", link: { kind: "hub", state: "unknown" } },
    ],
  });
});
