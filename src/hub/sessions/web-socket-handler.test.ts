import { expect, test } from "bun:test";
import { FakeTime } from "../../trunk/testing.ts";
import type { AcceptWebSocket } from "../../world/world.ts";
import { PAGE, testHub } from "../api/hub.fixture.ts";
import type { Arrival, SessionDoor } from "./door.ts";
import { Unproven } from "./unproven.ts";
import { webSocketHandler } from "./web-socket-handler.ts";

test("a page comes with the account of its cookie, and whether that is signed in is looked up anew", async () => {
  await using hub = await testHub();
  const arrivals: Arrival[] = [];
  const silent = { data() {}, drain() {}, end() {}, close() {} };
  const arrive = (arrival: Arrival) => (arrivals.push(arrival), silent);
  const handle = webSocketHandler({
    world: { timers: new FakeTime() },
    door: { arrive } as Partial<SessionDoor> as SessionDoor, // all that is asked of it
    accounts: hub.accounts,
    db: hub.store.db,
    addresses: { pageUrl: PAGE } as Parameters<typeof webSocketHandler>[0]["addresses"], // the same
    unproven: new Unproven({ least: 8, devicesFrom: () => 0 }),
    insecure: false,
  });
  const accept: AcceptWebSocket = (open) => {
    open({ send: () => 1, close() {} } as unknown as Parameters<typeof open>[0]); // nothing is said
    return true;
  };
  const { cookie, userId } = await hub.home.person("anna");
  const request = new Request(`${PAGE}/ws`, { headers: { cookie, origin: PAGE } });
  const facts = { visitor: "192.0.2.7", requestId: "r", carried: false, proxied: false, https: true };
  expect(await handle(request, { accept, facts })).toBeUndefined();
  const account = arrivals[0]?.account;
  expect(account).toMatchObject({ userId, ownerRoots: [hub.home.root] });
  expect(await account?.isSignedIn()).toBe(true);
  await hub.accounts.signOut(request);
  expect(await account?.isSignedIn()).toBe(false);
});
