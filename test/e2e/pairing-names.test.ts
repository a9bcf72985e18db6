// Three names of a paired device: its key, what it calls itself, and what it is called here. Only the first decides,
// only the last is typed, and the middle one is news.
import { expect, test } from "bun:test";
import { agentIn, Home, hubIn, type Json } from "./harness.ts";
import { until } from "./until.ts";

async function peersOf(home: Home): Promise<Json[]> {
  return (await home.ok(["device", "peers"])).items;
}

test("a link pairs as a code does; a new nickname is news, a petname stays, and either can be typed wrong", async () => {
  await using owner = new Home();
  await using one = new Home();
  await using two = new Home();
  const { hub_url } = await hubIn(owner);
  await agentIn(one, { owner, hubUrl: hub_url, name: "one" });
  await agentIn(two, { owner, hubUrl: hub_url, name: "two" });

  // Behind the QR code: everything that counts stands after the "#".
  const making = one.spawn(["pair", "--json", "--own"]);
  const { link } = await making.firstJson();
  expect(new URL(link).pathname).toBe("/pair");
  expect(new URL(link).hash.slice(1).split(".")).toHaveLength(3);
  const joined = await two.ok(["pair", link, "--name", "first"]);
  expect(joined).toMatchObject({ peer_name: "first", trust: "paired" });
  expect(await making.exited).toBe(0);
  const [told] = making.stdout.trim().split("\n").slice(-1);
  expect(JSON.parse(told ?? "")).toMatchObject({ peer_name: "two", safety: joined.safety });
  const wrong = await two.refused(["pair", link.replace(/.$/, (last: string) => (last === "a" ? "b" : "a"))]);
  expect(wrong.code).not.toBe("internal");

  const { id } = (await one.ok(["status"])).device;
  await one.ok(["device", "rename", "one", "kitchen"]);
  await until("the news", async () => (await peersOf(two))[0].nickname === "kitchen");
  expect(await peersOf(two)).toMatchObject([{ peer_name: "first", peer_id: id, nickname: "kitchen" }]);
  const { notices } = await two.ok(["status"]);
  expect(notices.join("\n")).toContain('first calls itself "kitchen" now');
  await two.ok(["send", "first", "still there"]);
  expect(await two.refused(["send", "kitchen", "to whom"])).toMatchObject({ code: "not_found" });

  await two.ok(["device", "verified", "first"]);
  const shown = await two.ok(["device", "show", "first"]);
  expect(shown.pairing).toMatchObject({ peer_name: "first", nickname: "kitchen", trust: "compared" });
  expect(shown.pairing.safety).toBe(joined.safety);
  const text = (await two.run(["device", "show", "first"])).stdout;
  for (const word of ["kitchen", joined.safety, "compared", id]) expect(text).toContain(word);

  // Its key is known: whatever it calls itself, it keeps the name it has here.
  const again = one.spawn(["pair", "--json"]);
  const { code } = await again.firstJson();
  expect(await two.ok(["pair", code])).toMatchObject({ peer_name: "first" });
  await two.ok(["device", "petname", "first", "cook"]);
  expect(await two.refused(["device", "unpair", id.slice(0, 3)])).toMatchObject({ code: "not_found" });
  expect(await two.ok(["device", "petname", id.slice(0, 9)])).toMatchObject({ peer_name: "kitchen" });

  // News of a peer goes with the pairing.
  await two.ok(["device", "unpair", "kitchen"]);
  await until("the end of the news", async () => {
    const left: string[] = (await two.ok(["status"])).notices;
    return !left.some((notice) => notice.includes("calls itself"));
  });
}, 60_000);
