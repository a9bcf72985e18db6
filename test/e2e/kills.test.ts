// Two homes that send to each other while both of them and their hub are killed and started again, as processes.
// What the program said it took arrives, once and in the order of its sender.
import { expect, test } from "bun:test";
import { agent, agentIn, Home, hubIn, portOf, type Running } from "./harness.ts";
import { until } from "./until.ts";

const KILLS = 6;
/** Between two kills. */
const SENT_EACH_TIME = 2;

interface Said {
  text: string;
  /** The program said that it has it. What it could not say may have been kept all the same. */
  isSure: boolean;
}

class Writer {
  readonly said: Said[] = [];
  readonly #from: Home;
  readonly #to: string;
  isDone = false;

  constructor(from: Home, to: string) {
    this.#from = from;
    this.#to = to;
  }

  async run(): Promise<void> {
    while (!this.isDone) {
      const text = `${this.#to} ${this.said.length}`;
      const { code, stderr } = await this.#from.run(["send", this.#to, text, "--json"]);
      // Killed under it, or not there yet.
      if (code !== 0 && !/agent_not_running|unavailable|hub_unreachable/.test(stderr))
        throw new Error(stderr);
      this.said.push({ text, isSure: code === 0 });
    }
  }
}

async function textsOf(home: Home): Promise<string[]> {
  const { stdout } = await home.run(["inbox", "--json"]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => (JSON.parse(line) as { text: string }).text);
}

test("kill -9 of either device and of the hub, again and again, loses nothing and doubles nothing", async () => {
  await using hubHome = new Home();
  await using one = new Home();
  await using two = new Home();
  const { hub, hub_url: hubUrl } = await hubIn(hubHome);
  const running: [Running, Running, Running] = [
    hub,
    await agentIn(one, { owner: hubHome, hubUrl, name: "one" }),
    await agentIn(two, { owner: hubHome, hubUrl, name: "two" }),
  ];
  const making = one.spawn(["pair", "--json"]);
  await two.ok(["pair", (await making.firstJson()).code]);
  await making.exited;

  const writers = [new Writer(one, "two"), new Writer(two, "one")];
  const writing = Promise.all(writers.map((writer) => writer.run()));
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const before = writers.map(({ said }) => said.length + SENT_EACH_TIME);
      const victim = kill % 3;
      await running[victim]?.kill();
      if (victim === 0) running[0] = (await hubIn(hubHome, portOf(hubUrl))).hub;
      else running[victim] = await agent(victim === 1 ? one : two);
      await until(
        "a few more are sent",
        () => writers.every(({ said }, at) => said.length >= (before[at] ?? 0)),
        30_000,
      );
    }
  } finally {
    for (const writer of writers) writer.isDone = true;
    await writing;
  }
  for (const [at, reader] of [two, one].entries()) {
    const said = writers[at]?.said ?? [];
    const sure = said.filter(({ isSure }) => isSure);
    expect(sure.length).toBeGreaterThan(KILLS);
    const inbox = await until(
      "all of it arrives",
      async () => {
        const texts = await textsOf(reader);
        return sure.every(({ text }) => texts.includes(text)) ? texts : undefined;
      },
      60_000,
    );
    expect(inbox).toEqual(said.map(({ text }) => text).filter((text) => inbox.includes(text)));
  }
}, 180_000);
