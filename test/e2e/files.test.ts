// A file that is too large for a message goes between two homes, and all three programs are killed on the way: it
// goes on where it was, arrives as it is, once, and nobody's memory grows with it.
import { expect, test } from "bun:test";
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { agent, agentIn, Home, hubIn, portOf, type Json, type Running } from "./harness.ts";
import { until } from "./until.ts";

const MIB = 1024 * 1024;
/** So long that each of the kills below meets it on its way, however busy the machine is. */
const SIZE = 256 * MIB;
/** The program takes about 100 MiB, and a transfer as much in what is not yet collected; the file is not in it. */
const MEMORY_MAX_BYTES = 512 * MIB;

test("a large file survives the death of its receiver, its sender and the hub", async () => {
  await using hubHome = new Home();
  await using one = new Home();
  await using two = new Home();
  const { hub, hub_url } = await hubIn(hubHome);
  const sender = await agentIn(one, { owner: hubHome, hubUrl: hub_url, name: "one" });
  const receiver = await agentIn(two, { owner: hubHome, hubUrl: hub_url, name: "two" });
  await pairUp(one, two);
  const file = sparseFile(join(one.folder, "disk.img"));
  const memory = watchMemory([one, two]);

  const { id, state } = await one.ok(["send", "two", "--file", file, "--detach"]);
  expect(state).toBe("queued");
  await grownTo(two, 20 * MIB);
  await receiver.kill();
  await agent(two);
  await grownTo(two, 60 * MIB);
  await sender.kill();
  const again = await agent(one);
  await grownTo(two, 100 * MIB);
  await hub.kill();
  await hubIn(hubHome, portOf(hub_url));
  const sent = await until("it is delivered", () => delivered(one, id), 60_000);
  expect(memory.stop()).toBeLessThan(MEMORY_MAX_BYTES);

  const [came, ...more] = await inboxOf(two);
  expect(more).toEqual([]);
  expect(came).toMatchObject({ id, from: "one", name: "disk.img", size: SIZE, sha256: sent.sha256 });
  expect(hashOf(came.file)).toBe(hashOf(file));
  // Each life began where the one before had ended, and sent the rest alone.
  const begun = [...beginnings(sender), ...beginnings(again)];
  expect(Math.max(...begun)).toBeGreaterThan(90 * MIB);
}, 120_000);

test("Ctrl-C takes a file back; one that waits for its device can be seen and taken back", async () => {
  await using hubHome = new Home();
  await using one = new Home();
  await using two = new Home();
  const { hub_url } = await hubIn(hubHome);
  await agentIn(one, { owner: hubHome, hubUrl: hub_url, name: "one" });
  const second = await agentIn(two, { owner: hubHome, hubUrl: hub_url, name: "two" });
  await pairUp(one, two);
  await second.kill();
  const file = sparseFile(join(one.folder, "disk.img"));

  const waiting = one.spawn(["send", "two", "--file", file, "--wait"]);
  await until("it waits", async () => (await listed(one))[0]?.waits !== undefined);
  waiting.process.kill("SIGINT");
  expect(await waiting.exited).toBe(130);
  expect(waiting.stderr).toContain("taken back");
  expect((await listed(one)).map(({ state }) => state)).toEqual(["cancelled"]);

  const { id } = await one.ok(["send", "two", "--file", file, "--detach"]);
  expect(await one.ok(["send", "--cancel", id.slice(0, 8)])).toMatchObject({ id, state: "cancelled" });
  // Again changes nothing.
  expect(await one.ok(["send", "--cancel", id])).toMatchObject({ id, state: "cancelled" });
  expect((await one.refused(["send", "--cancel", "nothing"])).code).toBe("not_found");
  expect((await one.refused(["send", "two", "--file", `${file}.not`])).code).toBe("invalid");
}, 60_000);

async function pairUp(maker: Home, joiner: Home): Promise<void> {
  const making = maker.spawn(["pair", "--json"]);
  const { code } = await making.firstJson();
  await joiner.ok(["pair", code]);
  expect(await making.exited).toBe(0);
}

/** Mostly holes, with words in it that tell one place from another. */
function sparseFile(path: string): string {
  const file = openSync(path, "w");
  ftruncateSync(file, SIZE);
  for (let at = 0; at < SIZE; at += MIB) writeSync(file, `here is ${at}`, at);
  closeSync(file);
  return path;
}

function hashOf(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}

/** Until so much of the file that comes is on the disk. */
async function grownTo(home: Home, bytes: number): Promise<void> {
  const folder = join(home.path, "received", ".arriving");
  await until(
    `${bytes} bytes are there`,
    () => {
      try {
        return readdirSync(folder).some((name) => statSync(join(folder, name)).size >= bytes);
      } catch {
        return false; // it has not begun
      }
    },
    30_000,
  );
}

async function listed(home: Home): Promise<Json[]> {
  return (await home.ok(["send", "--list"])).items;
}

async function delivered(home: Home, id: string): Promise<Json> {
  const found = (await listed(home)).find((item) => item.id === id);
  return found?.state === "delivered" ? found : undefined;
}

async function inboxOf(home: Home): Promise<Json[]> {
  const { stdout } = await home.run(["inbox", "--json"]);
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

/** Where this sender has begun, by its own record. */
function beginnings(program: Running): number[] {
  const lines = `${program.stdout}${program.stderr}`.matchAll(
    /"at":(\d+),"size":\d+.*"event":"a file goes"/g,
  );
  return [...lines].map(([, at]) => Number(at));
}

/** The most that any agent of these homes has had in memory. */
function watchMemory(homes: readonly Home[]): { stop(): number } {
  let most = 0;
  const timer = setInterval(() => {
    for (const home of homes) most = Math.max(most, ...home.processes().map(residentBytes));
  }, 100);
  return {
    stop() {
      clearInterval(timer);
      return most;
    },
  };
}

function residentBytes(pid: number): number {
  try {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0; // it ended just now
  }
}
