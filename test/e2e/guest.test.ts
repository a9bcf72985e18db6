// A home that has joined no hub, as a guest of one: it pairs with a device there by a code or a link, sends and
// receives, and does nothing else; a hub that takes no guests says so.
import { expect, test } from "bun:test";
import { agentIn, Home, hubIn, type Json } from "./harness.ts";
import { until } from "./until.ts";

const TAKES_GUESTS = "[limits]\nentries_per_minute = 1000\n\n[pairing]\nguests = true\n";

async function inboxOf(home: Home): Promise<Json[]> {
  const { code, stdout, stderr } = await home.run(["inbox", "--json"]);
  if (code !== 0) throw new Error(stderr);
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

test("a guest pairs from a terminal, sends, and finds what came while it was away", async () => {
  await using owner = new Home();
  await using device = new Home();
  await using guest = new Home();
  owner.configure(TAKES_GUESTS);
  const { hub_url } = await hubIn(owner);
  await agentIn(device, { owner, hubUrl: hub_url, name: "desk" });

  expect(await guest.refused(["pair"])).toMatchObject({ code: "not_joined" });
  const making = guest.spawn(["pair", "--hub", hub_url, "--json"]);
  const { code } = await making.firstJson();
  const joined = await device.ok(["pair", code, "--name", "visitor"]);
  expect(await making.exited).toBe(0);
  const made = JSON.parse(making.stdout.trim().split("\n").at(-1) ?? "");
  expect(made).toMatchObject({ peer_name: "desk", safety: joined.safety });

  await guest.ok(["send", "desk", "from outside"]);
  await until("it arrives", async () => (await inboxOf(device)).length === 1);
  expect(await inboxOf(device)).toMatchObject([{ from: "visitor", text: "from outside" }]);
  // Nobody is there: it waits at the hub.
  expect(await device.ok(["send", "visitor", "one"])).toMatchObject({ state: "relayed" });
  await device.ok(["send", "visitor", "two"]);
  await until("both come", async () => (await inboxOf(guest)).length === 2);
  expect((await inboxOf(guest)).map(({ text }) => text)).toEqual(["one", "two"]);
  expect((await guest.ok(["device", "peers"])).items).toMatchObject([{ peer_name: "desk", state: "paired" }]);

  expect(await guest.refused(["add", "3000", "--public"])).toMatchObject({ exit: 1 });
  expect(await guest.refused(["pair", "--hub", "http://127.0.0.1:1"])).toMatchObject({
    code: "already_joined",
  });
  await guest.ok(["device", "unpair", "desk"]);
  await until("it is told", async () => (await device.ok(["device", "peers"])).items.length === 0);
}, 90_000);

test("a link names its hub, and a hub that takes no guests refuses in words", async () => {
  await using owner = new Home();
  await using device = new Home();
  await using guest = new Home();
  owner.configure("[limits]\nentries_per_minute = 1000\n\n[pairing]\nguests = false\n");
  const { hub_url } = await hubIn(owner);
  await agentIn(device, { owner, hubUrl: hub_url, name: "desk" });
  const { link } = await device.spawn(["pair", "--json"]).firstJson();
  const refused = await guest.refused(["pair", link]);
  expect(refused).toMatchObject({ code: "forbidden" });
  expect(refused.message).toContain("takes no guests");
}, 60_000);
