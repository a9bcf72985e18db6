import { expect, test } from "bun:test";
import { realWorld } from "../../world/real.ts";
import { fileHome, NAMES, two, until, type FileHome } from "./files.fixture.ts";

const BYTES = new Uint8Array(3_000_000).map((_, at) => (at * 7919) >> 8);

async function queue(from: FileHome, to: FileHome, name = "photo.jpg", bytes = BYTES): Promise<string> {
  const { id } = await from.files.desk.send(to.key, await from.write(name, bytes));
  return id;
}

async function reaches(home: FileHome, id: string, state: string): Promise<void> {
  await until(async () => {
    // Whatever waits for its time gets it.
    home.time.advance(2_000);
    return (await home.stateOf(id)) === state;
  });
}

test("a file goes to a paired device: whole, once, under its own name, and its sender knows", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  const id = await queue(anna, ben);
  await reaches(anna, id, "delivered");
  expect(await ben.inbox()).toEqual([
    { id, name: "photo.jpg", path: `${ben.received}/1-photo.jpg`, bytes: BYTES },
  ]);
  expect(await ben.growing()).toEqual([]);
  // The hub carried it, and little else.
  expect(hub.carried).toBeGreaterThan(BYTES.length);
  expect(hub.carried).toBeLessThan(BYTES.length * 1.01);
});

test("a sender that never heard of it sends it once all the same", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  const id = await queue(anna, ben);
  await reaches(anna, id, "delivered");
  await anna.store.db.updateTable("file_sends").set({ state: "queued" }).execute();
  hub.honest();
  await anna.restart("stopped");
  await reaches(anna, id, "delivered");
  expect(hub.carried).toBeLessThan(2_000);
  expect(await ben.inbox()).toHaveLength(1);
});

test("cut on its way, it goes on where it was", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  hub.tamper = ({ from, bytes }, pass) => {
    if (hub.carried > 2_000_000 && from === "sender") return hub.cutAll();
    pass(bytes);
  };
  const id = await queue(anna, ben);
  await until(() => hub.carried > 2_000_000);
  await until(async () => (await ben.files.desk.arriving(NAMES))[0]?.state === "waiting");
  hub.honest();
  await reaches(anna, id, "delivered");
  expect(hub.carried).toBeLessThan(1_500_000);
  expect((await ben.inbox())[0]?.bytes).toEqual(BYTES);
});

test("bytes that are wrong there are sent anew, and a cut after that costs no more than itself", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  const cutBehind = (bytes: number): void => {
    hub.honest();
    hub.tamper = ({ from, bytes: piece }, pass) => {
      if (hub.carried > bytes && from === "sender") return hub.cutAll();
      pass(piece);
    };
  };
  const waits = async (): Promise<boolean> => (await ben.files.desk.arriving(NAMES))[0]?.state === "waiting";
  cutBehind(2_500_000);
  const id = await queue(anna, ben);
  await until(() => hub.carried > 2_500_000);
  await until(waits);
  const [grown] = await ben.growing();
  await realWorld.disk.write(`${ben.received}/.arriving/${grown ?? ""}`, new Uint8Array(2_000_000));
  cutBehind(1_500_000);
  anna.time.advance(20_000);
  await until(() => hub.carried > 1_500_000);
  await until(waits);
  hub.honest();
  await reaches(anna, id, "delivered");
  expect(hub.carried).toBeLessThan(2_000_000);
  expect((await ben.inbox())[0]?.bytes).toEqual(BYTES);
});

test("a restart of either loses nothing", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  ben.online = false;
  const id = await queue(anna, ben);
  await anna.restart("stopped");
  await until(async () => (await anna.files.desk.sending(id, NAMES)).waits !== undefined);
  expect((await anna.files.desk.sending(id, NAMES)).waits).toBe("the device is not online");
  ben.online = true;
  hub.tamper = ({ from, bytes }, pass) => {
    if (hub.carried > 1_000_000 && from === "sender") return hub.cutAll();
    pass(bytes);
  };
  anna.time.advance(20_000);
  await until(() => hub.carried > 1_000_000);
  await ben.restart("killed");
  hub.honest();
  await anna.restart("killed");
  await reaches(anna, id, "delivered");
  expect((await ben.inbox()).map(({ bytes }) => bytes.length)).toEqual([BYTES.length]);
});

test("a hub that changes, swaps or repeats bytes delivers nothing wrong", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  let last: Uint8Array | undefined;
  const attacks: (typeof hub.tamper)[] = [
    ({ bytes }, pass) => pass(bytes.length > 1000 ? bytes.with(500, (bytes[500] ?? 0) ^ 1) : bytes),
    ({ bytes }, pass) => {
      pass(bytes);
      if (bytes.length > 1000) pass(bytes);
    },
    ({ bytes }, pass) => {
      if (bytes.length < 1000) return pass(bytes);
      if (last !== undefined) pass(bytes);
      if (last !== undefined) pass(last);
      last = last === undefined ? bytes : undefined;
    },
    ({ bytes }, pass) => pass(bytes.length > 1000 ? bytes.subarray(0, 900) : bytes),
  ];
  const id = await queue(anna, ben);
  for (const attack of attacks) {
    hub.cutAll();
    hub.honest();
    hub.tamper = attack;
    await until(() => {
      anna.time.advance(20_000);
      return hub.carried > 100_000;
    });
    expect(await ben.inbox()).toEqual([]);
  }
  hub.cutAll();
  hub.honest();
  await reaches(anna, id, "delivered");
  expect((await ben.inbox())[0]?.bytes).toEqual(BYTES);
});

test("a hub that leads to another device, or names another caller, gets nothing", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  await using eve = await fileHome(hub);
  await eve.pin(anna, "anna");
  await ben.pin(eve, "eve");
  hub.lead = () => eve.key;
  const id = await queue(anna, ben);
  await until(async () => (await anna.files.desk.sending(id, NAMES)).waits !== undefined);
  hub.honest();
  hub.announce = () => eve.link.identityKey;
  anna.time.advance(20_000);
  await until(() => hub.carried > 0);
  expect([await ben.inbox(), await eve.inbox()]).toEqual([[], []]);
  hub.honest();
  hub.cutAll();
  await reaches(anna, id, "delivered");
});

test("a file that has changed or gone since is not sent, and its sender is told", async () => {
  await using homes = await two();
  const { anna, ben } = homes;
  ben.online = false;
  const changed = await queue(anna, ben, "changed.bin");
  const gone = await queue(anna, ben, "gone.bin");
  await anna.write("changed.bin", BYTES.subarray(1));
  await realWorld.disk.remove(anna.temp.file("gone.bin"));
  ben.online = true;
  anna.time.advance(20_000);
  await until(() => anna.notices.all().length === 2);
  expect(anna.notices.all().toSorted()).toEqual([
    '"changed.bin" was not delivered to ben: "changed.bin" was changed after it was given to be sent',
    '"gone.bin" was not delivered to ben: cannot send "gone.bin": there is no such file',
  ]);
  await reaches(anna, changed, "failed: conflict");
  await reaches(anna, gone, "failed: not_found");
  // Who has looked is not told any more.
  expect(anna.notices.all()).toEqual([]);
  expect(await ben.inbox()).toEqual([]);
});

test("what does not fit is refused before it is sent", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  ben.freeBytes = BYTES.length;
  const id = await queue(anna, ben);
  await reaches(anna, id, "failed: storage_full");
  expect(hub.carried).toBeLessThan(2_000);
  expect(await ben.growing()).toEqual([]);
});

test("names from elsewhere lead nowhere else, and replace nothing", async () => {
  await using homes = await two();
  const { anna, ben } = homes;
  await realWorld.disk.makeFolder(ben.received);
  await realWorld.disk.write(`${ben.received}/1-passwd`, "mine");
  ben.online = false;
  const id = await queue(anna, ben);
  await until(async () => (await anna.files.desk.sending(id, NAMES)).waits !== undefined);
  await anna.store.db.updateTable("file_sends").set({ name: "../../../etc/passwd" }).execute();
  ben.online = true;
  await reaches(anna, id, "delivered");
  const [came] = await ben.inbox();
  expect(came?.name).toBe("passwd");
  expect(came?.path.startsWith(`${ben.received}/`)).toBe(true);
  expect(came?.bytes).toEqual(BYTES);
  expect(new TextDecoder().decode(await realWorld.disk.read(`${ben.received}/1-passwd`))).toBe("mine");
});

/** Stops the bytes when so many have gone, with the session open. */
async function heldMidway(homes: Awaited<ReturnType<typeof two>>): Promise<string> {
  const { anna, ben, hub } = homes;
  hub.tamper = ({ from, bytes }, pass) => {
    if (from === "receiver" || hub.carried < 1_000_000) pass(bytes);
  };
  const id = await queue(anna, ben);
  await until(() => hub.carried > 1_000_000);
  await until(async () => (await ben.growing()).length === 1);
  return id;
}

test("taken back by its sender, it is gone at both", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  hub.tamper = ({ from, bytes }, pass) => {
    if (from === "sender" && hub.carried > 1_000_000) return hub.cutAll();
    pass(bytes);
  };
  const id = await queue(anna, ben);
  await until(() => hub.carried > 1_000_000);
  expect((await anna.files.desk.cancel(id.slice(0, 6), NAMES)).state).toBe("cancelled");
  hub.honest();
  anna.time.advance(60_000);
  expect(hub.carried).toBe(0);
  expect(await anna.stateOf(id)).toBe("cancelled");
  // Its beginning waits there for a week, and not longer.
  await until(async () => (await ben.files.desk.arriving(NAMES))[0]?.state === "waiting");
  ben.time.jumpWall(8 * 86_400_000);
  ben.time.advance(3_600_000);
  await until(async () => (await ben.growing()).length === 0);
});

test("turned away by the person there, its sender is told and it does not come again", async () => {
  await using homes = await two();
  const { anna, ben } = homes;
  const id = await heldMidway(homes);
  const refused = ben.files.desk.refuse(id.slice(0, 8));
  await reaches(anna, id, "failed: forbidden");
  ben.time.advance(20_000);
  expect(await refused).toEqual({ id, name: "photo.jpg" });
  expect(await ben.growing()).toEqual([]);
});

test("the end of the pairing ends what is on its way", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  ben.online = false;
  const id = await queue(anna, ben);
  await anna.unpin(ben);
  await until(async () => (await anna.stateOf(id)) === "failed: not_found");
  // And who is no longer pinned is not heard.
  await anna.pin(ben, "ben");
  ben.online = true;
  await ben.unpin(anna);
  const other = await queue(anna, ben, "other.bin");
  await until(async () => {
    anna.time.advance(20_000);
    const { waits } = await anna.files.desk.sending(other, NAMES);
    return waits?.includes("does not know this one") === true;
  });
  expect(hub.carried).toBeLessThan(1_000);
});

test("a long file does not keep a short one waiting", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  const held = await heldMidway(homes);
  const first = hub.open.length;
  hub.tamper = ({ bytes, stream }, pass) => void (stream > first && pass(bytes));
  const short = await queue(anna, ben, "short.txt", BYTES.subarray(0, 2_000_000));
  await reaches(anna, short, "delivered");
  expect(await anna.stateOf(held)).not.toBe("delivered");
});
