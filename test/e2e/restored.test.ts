// A device whose state was put back from an older copy, between two that are paired: nothing comes twice, nothing new
// is taken for old, and what is gone is said to be gone.
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { agent, agentIn, Home, hubIn, type Running } from "./harness.ts";
import { until } from "./until.ts";

const FILES = ["state.db", "state.db-wal", "state.db-shm"];

/** Of an agent that has ended. */
function keep(home: Home, to: "state" | "backup"): void {
  const [from, into] = to === "backup" ? ["", "backup-"] : ["backup-", ""];
  for (const name of FILES) {
    const source = join(home.path, from + name);
    rmSync(join(home.path, into + name), { force: true });
    if (existsSync(source)) cpSync(source, join(home.path, into + name));
  }
}

async function textsOf(home: Home): Promise<string[]> {
  const { stdout } = await home.run(["inbox", "--json"]);
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).text]));
}

async function pairedTwo(owner: Home, one: Home, two: Home): Promise<{ first: Running; second: Running }> {
  const { hub_url } = await hubIn(owner);
  const first = await agentIn(one, { owner, hubUrl: hub_url, name: "one" });
  const second = await agentIn(two, { owner, hubUrl: hub_url, name: "two" });
  const making = one.spawn(["pair", "--json"]);
  await two.ok(["pair", (await making.firstJson()).code]);
  expect(await making.exited).toBe(0);
  return { first, second };
}

test("a sender that was put back sends on: each text arrives once, in its order", async () => {
  await using owner = new Home();
  await using one = new Home();
  await using two = new Home();
  const { first } = await pairedTwo(owner, one, two);
  await one.ok(["send", "two", "a"]);
  await until("a", async () => (await textsOf(two)).includes("a"), 30_000);
  await first.kill();
  keep(one, "backup");
  const later = await agent(one);
  for (const text of ["b", "c"]) expect((await one.ok(["send", "two", text])).state).toBe("delivered");
  await later.kill();
  keep(one, "state");
  await agent(one);
  for (const text of ["d", "e"]) await one.ok(["send", "two", text]);
  await until("what is new", async () => (await textsOf(two)).includes("e"), 30_000);
  expect(await textsOf(two)).toEqual(["a", "b", "c", "d", "e"]);
}, 120_000);

test("a receiver that was put back is told which texts are gone, and gets the next ones", async () => {
  await using owner = new Home();
  await using one = new Home();
  await using two = new Home();
  const { second } = await pairedTwo(owner, one, two);
  await one.ok(["send", "two", "a"]);
  await until("a", async () => (await textsOf(two)).includes("a"), 30_000);
  await second.kill();
  keep(two, "backup");
  const later = await agent(two);
  for (const text of ["b", "c"]) expect((await one.ok(["send", "two", text])).state).toBe("delivered");
  await later.kill();
  keep(two, "state");
  await agent(two);
  await one.ok(["send", "two", "d"]);
  await until("what is new", async () => (await textsOf(two)).includes("d"), 30_000);
  expect(await textsOf(two)).toEqual(["a", "d"]);
  const { notices } = await two.ok(["status"]);
  expect(notices.join("\n")).toContain("2 messages of one are lost");
}, 120_000);
