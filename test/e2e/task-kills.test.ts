// Hundreds of tasks given from one home to another through a hub in a third, while all three are killed and started
// again at moments that a seed chooses. What was said to be taken is there, was started once, and ended as its program
// did. Beside it src/agent/tasks/crashes.test.ts kills at every single step, in a world of its own.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readOrderFrames } from "../../src/protocol/order-frames.ts";
import { agent, agentIn, Home, hubIn, portOf, type Json, type Running } from "./harness.ts";
import { until } from "./until.ts";

const TASKS = 162;
const AT_ONCE = 6;
const KILLS = 9;
/** Given between the ends of two kills; somewhere among them is the next. */
const TASKS_EACH = TASKS / KILLS;
const SEED = 20;

/** mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A call of the local API, as the command line makes it; a process for each would be most of the work here. */
async function ask(home: Home, call: string, request: object): Promise<Response> {
  const { port } = JSON.parse(readFileSync(`${home.path}/agent.json`, "utf8")) as { port: number };
  const response = await fetch(`http://127.0.0.1:${port}/api/${call}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${readFileSync(`${home.path}/token`, "utf8").trim()}`,
    },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new Error(`${call}: ${await response.text()}`);
  return response;
}

/** True once somebody said that it is taken, by the device or by the sender's own disk. Else it may be or not. */
async function give(home: Home, number: number, script: string): Promise<boolean> {
  const request = {
    argv: ["sh", "-c", script],
    stdin: false,
    detach: true,
    title: `task ${number}`,
  };
  try {
    const { body } = await ask(home, "run", { device: "pi", request, wait_ms: 0, queue: true });
    for await (const frame of readOrderFrames(body ?? new ReadableStream<Uint8Array>())) {
      if (frame.type !== "event") continue;
      const { event } = frame;
      // Leaving here, before the answer ends, takes nothing back of a task that nobody waits for.
      if (event.type === "accepted" || event.type === "queued") return true;
    }
  } catch {
    // Its agent was killed under it.
  }
  return false;
}

async function tasksOn(home: Home): Promise<Json[]> {
  const items: Json[] = [];
  let more: string[] = [];
  do {
    const page = await home.ok(["task", "ls", "--device", "pi", "--limit", "100", ...more]);
    items.push(...page.items);
    more = page.cursor === null ? [] : ["--cursor", page.cursor];
  } while (more.length > 0);
  return items;
}

test("kill -9 of sender, hub and device among hundreds of tasks loses none and starts none twice", async () => {
  await using hubHome = new Home();
  await using desk = new Home();
  await using pi = new Home();
  const fraction = seeded(SEED);
  const { hub, hub_url: hubUrl } = await hubIn(hubHome);
  pi.configure("[tasks]\nmax_running = 8\n");
  const running: [Running, Running, Running] = [
    hub,
    await agentIn(desk, { owner: hubHome, hubUrl, name: "desk" }),
    await agentIn(pi, { owner: hubHome, hubUrl, name: "pi" }),
  ];
  await hubHome.ok(["device", "promote", "desk", "--yes"]);
  // Both learn of the new controller a moment later.
  await until("a first task", () => give(desk, -1, "true"));

  const runs = pi.write("runs", "");
  const taken = new Set<number>();
  let next = 0;
  let allowed = TASKS_EACH;
  let isBack = Promise.resolve();
  const line = async (): Promise<void> => {
    for (let number = next++; number < TASKS; number = next++) {
      await until("its turn", () => number < allowed, 60_000);
      await isBack;
      const script = `echo ${number} >> ${runs}; [ ${number % 4} = 0 ] && sleep 0.1; exit ${number % 3}`;
      if (await give(desk, number, script)) taken.add(number);
    }
  };
  const giving = Promise.all(Array.from({ length: AT_ONCE }, line));
  const again = [
    async () => (await hubIn(hubHome, portOf(hubUrl))).hub,
    () => agent(desk),
    () => agent(pi),
  ] as const;
  for (let kill = 0; kill < KILLS; kill++) {
    const from = Math.floor((kill + fraction()) * TASKS_EACH);
    await until("a few more tasks", () => next >= from, 60_000);
    const victim = kill % 3;
    const back = Promise.withResolvers<void>();
    // Nobody gives a task to an agent that is known to be dead.
    if (victim === 1) isBack = back.promise;
    await running[victim]?.kill();
    running[victim] = await (again[victim] ?? again[0])();
    back.resolve();
    allowed += TASKS_EACH;
  }
  await giving;
  expect(taken.size).toBeGreaterThan(TASKS / 2);

  const tasks = await until(
    "an end of all",
    async () => {
      // Of the device, and of what waits at the sender.
      const all = await tasksOn(desk);
      return all.every(({ ended_at: endedAt }) => endedAt !== null) && all;
    },
    60_000,
  );
  const started = readFileSync(runs, "utf8").trim().split("\n").map(Number);
  expect(started.length).toBe(new Set(started).size);
  for (const number of taken) {
    const found = tasks.filter(({ title }) => title === `task ${number}`);
    const code = number % 3;
    expect({ number, ran: started.includes(number), found }).toMatchObject({
      number,
      ran: true,
      found: [{ status: code === 0 ? "completed" : "failed", exit_code: code, reason: null }],
    });
    expect(found).toHaveLength(1);
  }
}, 180_000);
