// Two homes pair by six characters and send to each other through a hub that cannot read it, also while one of
// them is away and all three are restarted.
import { expect, test } from "bun:test";
import { agent, agentIn, Home, hubIn, portOf, type Json } from "./harness.ts";
import { until } from "./until.ts";

async function inboxOf(home: Home): Promise<Json[]> {
  const { code, stdout, stderr } = await home.run(["inbox", "--json"]);
  if (code !== 0) throw new Error(stderr);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

async function pairUp(maker: Home, joiner: Home): Promise<{ made: Json; joined: Json }> {
  const making = maker.spawn(["pair", "--json"]);
  const { code } = await making.firstJson();
  const joined = await joiner.ok(["pair", code]);
  expect(await making.exited).toBe(0);
  return { made: JSON.parse(making.stdout.trim().split("\n").at(-1) ?? ""), joined };
}

test("pair, send both ways, and across a restart of all three", async () => {
  await using hubHome = new Home();
  await using one = new Home();
  await using two = new Home();
  const { hub, hub_url } = await hubIn(hubHome);
  const first = await agentIn(one, { owner: hubHome, hubUrl: hub_url, name: "one" });
  const second = await agentIn(two, { owner: hubHome, hubUrl: hub_url, name: "two" });

  const { made, joined } = await pairUp(one, two);
  expect(made).toMatchObject({ peer_name: "two", safety: joined.safety });
  expect(joined).toMatchObject({ peer_name: "one" });
  expect(joined.safety.split(" ")).toHaveLength(5);

  const sent = await one.ok(["send", "two", "needle-in-clear"]);
  await until("it arrives", async () => (await inboxOf(two)).length === 1);
  expect(await inboxOf(two)).toMatchObject([{ id: sent.id, from: "one", text: "needle-in-clear" }]);
  const file = two.write("two.bin", new Uint8Array(300_000).fill(9));
  await until("the file is there", () => Bun.file(file).exists());
  await two.ok(["send", "one", "--file", file]);
  await until("the file arrives", async () => (await inboxOf(one)).length === 1);
  const [received] = await inboxOf(one);
  expect(new Uint8Array(await Bun.file(received.file).arrayBuffer())).toEqual(
    new Uint8Array(300_000).fill(9),
  );

  await second.kill();
  expect(["queued", "relayed"]).toContain((await one.ok(["send", "two", "needle-while-away"])).state);
  await hub.kill();
  await first.kill();
  for (const needle of ["needle-in-clear", "needle-while-away"]) {
    expect(Bun.spawnSync(["grep", "-rlsF", "-e", needle, `${hubHome.path}/hub`]).stdout.toString()).toBe("");
  }
  await hubIn(hubHome, portOf(hub_url));
  await agent(one);
  await agent(two);
  await until("what waited arrives", async () => (await inboxOf(two)).length === 2, 30_000);
  expect((await inboxOf(two)).map(({ text }) => text)).toEqual(["needle-in-clear", "needle-while-away"]);

  await one.ok(["device", "unpair", "two"]);
  await until(
    "the other side has heard it",
    async () => (await two.ok(["device", "peers"])).items.length === 0,
  );
}, 90_000);

test("a code that is wrong, spent or unknown gets one answer", async () => {
  await using owner = new Home();
  await using device = new Home();
  const { hub_url } = await hubIn(owner);
  await agentIn(device, { owner, hubUrl: hub_url, name: "one" });
  await using other = new Home();
  await agentIn(other, { owner, hubUrl: hub_url, name: "two" });
  const making = device.spawn(["pair", "--json"]);
  const { code } = await making.firstJson();
  const wrong = await other.refused(["pair", code.replace(/.{4}$/, code.endsWith("2222") ? "3333" : "2222")]);
  expect(wrong.message).toBe("That did not finish. Make a new code.");
  expect(await making.exited).toBe(1);
  expect(await other.refused(["pair", code])).toEqual(wrong);
  expect(await other.refused(["pair", "ZZZ-2222"])).toEqual(wrong);
}, 60_000);
