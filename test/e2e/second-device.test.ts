// A second device: nothing can dial in to it, and its shares are reachable through the hub all the same.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { app } from "./app.ts";
import { agent, agentIn, Home, hubIn, portOf, type Running } from "./harness.ts";
import { failure, until } from "./until.ts";
import { ask, text } from "./wire.ts";

let owner: Home;
let device: Home;
let hubUrl: string;
let running: Running;

beforeAll(async () => {
  owner = new Home();
  device = new Home();
  hubUrl = (await hubIn(owner)).hub_url;
  running = await agentIn(device, { owner, hubUrl, name: "attic" });
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

test("its page and its app are reachable through the hub", async () => {
  device.write("notes/index.html", "from the attic");
  const page = await device.add("notes", "--public");
  expect(portOf(page.url)).toBe(portOf(hubUrl));
  expect(text(await ask(page.url))).toBe("from the attic");
  const { port } = await app(device);
  const echo = await device.add(String(port), "--public", "--name", "attic-app");
  expect(text(await ask(`${echo.url}hello`))).toContain('"url":"/hello"');
});

test("the owner sees it, its shares and its proofs; both tell the same", async () => {
  const { devices, shares } = await owner.ok(["status"]);
  expect(devices).toContainEqual(
    expect.objectContaining({ name: "attic", status: "online", controller: false }),
  );
  expect(shares).toContainEqual(expect.objectContaining({ name: "notes", device_name: "attic" }));
  await until(
    "a live proof at both",
    async () => {
      const seen = await Promise.all([owner, device].map(async (home) => (await home.ok(["ls"])).shares));
      return seen.every((list) =>
        list.some(
          (share: { name: string; proof: { state: string } }) =>
            share.name === "notes" && share.proof.state === "live",
        ),
      );
    },
    15_000,
  );
});

test("it listens on loopback alone", async () => {
  const { port } = (await Bun.file(`${device.path}/agent.json`).json()) as { port: number };
  expect((await ask(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  const outside = Bun.spawnSync(["hostname", "-I"]).stdout.toString().trim().split(" ")[0] ?? "";
  if (/^\d/.test(outside)) {
    expect(await failure(ask(`http://127.0.0.1:${port}/health`, { address: outside }))).toContain(
      "ECONNREFUSED",
    );
  }
});

test("a spent token, one of another hub and one that was made up are all refused", async () => {
  await using third = new Home();
  await using elsewhere = new Home();
  const { token: spent } = await owner.ok(["device", "token"]);
  await third.ok(["init", hubUrl, "--token", spent, "--yes", "--no-service", "--name", "third"]);

  await using fourth = new Home();
  const join = (token: string) => fourth.refused(["init", hubUrl, "--token", token, "--yes", "--no-service"]);
  const again = await join(spent);
  expect(again).toMatchObject({ exit: 1, code: "token_invalid" });

  const other = await hubIn(elsewhere);
  const { token: foreign } = await elsewhere.ok(["device", "token"]);
  expect(await join(foreign)).toMatchObject({ exit: 1, code: "token_invalid" });
  expect(other.hub_url).not.toBe(hubUrl);

  const { token } = await owner.ok(["device", "token"]);
  const forged = token.slice(0, -4) + (token.endsWith("AAAA") ? "BBBB" : "AAAA");
  expect(await join(forged)).toMatchObject({ exit: 1, code: "token_invalid" });
  // Nothing was kept of any of it, and the unspent token still joins.
  expect(await fourth.refused(["agent"])).toMatchObject({ code: "not_joined" });
  expect(await fourth.ok(["init", hubUrl, "--token", token, "--yes", "--no-service"])).toHaveProperty(
    "device_id",
  );
});

test("a token of two claims at once joins one of them", async () => {
  await using one = new Home();
  await using two = new Home();
  const { token } = await owner.ok(["device", "token"]);
  const results = await Promise.all(
    [one, two].map((home) => home.run(["init", hubUrl, "--token", token, "--yes", "--no-service", "--json"])),
  );
  expect(results.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 1]);
});

test("a token never stands in the hub's database, on the agent's disk or in a log", async () => {
  await using fifth = new Home();
  const { token } = await owner.ok(["device", "token"]);
  await fifth.ok(["init", hubUrl, "--token", token, "--yes", "--no-service"]);
  await using _ = stopping(await agent(fifth));
  const secret = (token as string).slice(-43);
  for (const home of [owner, fifth]) {
    // -e: one secret in 64 begins with a dash. -s: the database's own journals come and go meanwhile.
    const found = Bun.spawnSync(["grep", "-rlsF", "-e", secret, home.path]);
    expect(found.stdout.toString()).toBe("");
  }
});

test("a token made for a name gives it, and lets in no other", async () => {
  await using barn = new Home();
  const { token } = await owner.ok(["device", "token", "--name", "barn"]);
  const join = ["init", hubUrl, "--token", token, "--yes", "--no-service"];
  const refused = await barn.refused([...join, "--name", "cellar"]);
  expect(refused).toMatchObject({ exit: 1, code: "invalid", hint: expect.stringContaining("--name barn") });
  expect(await barn.ok(join)).toMatchObject({ name: "barn" });
});

test("a name that is taken gets a number, and the reply says which", async () => {
  await using another = new Home();
  const { token } = await owner.ok(["device", "token"]);
  const joined = await another.ok([
    "init",
    hubUrl,
    "--token",
    token,
    "--yes",
    "--no-service",
    "--name",
    "attic",
  ]);
  expect(joined.name).toBe("attic-2");
});

test("a second agent in one home says so and ends; the first goes on", async () => {
  const second = await device.run(["agent", "--json"]);
  expect(second.code).toBe(1);
  expect(second.error).toMatchObject({ code: "agent_running" });
  expect(running.process.exitCode).toBeNull();
  expect((await device.ok(["status"])).hub.state).toBe("connected");
});

test("init in a home that has joined another hub is refused until --replace", async () => {
  await using elsewhere = new Home();
  await using mover = new Home();
  const { token } = await owner.ok(["device", "token"]);
  await mover.ok(["init", hubUrl, "--token", token, "--yes", "--no-service"]);
  const other = await hubIn(elsewhere);
  const { token: next } = await elsewhere.ok(["device", "token"]);
  const args = ["init", other.hub_url, "--token", next, "--yes", "--no-service"];
  expect(await mover.refused(args)).toMatchObject({ exit: 1, code: "already_joined" });
  await mover.ok([...args, "--replace"]);
  await using _ = stopping(await agent(mover));
  expect((await elsewhere.ok(["status"])).devices).toHaveLength(1);
});

test("a hub that does not answer is named", async () => {
  await using lost = new Home();
  const { token } = await owner.ok(["device", "token"]);
  const error = await lost.refused(["init", "http://127.0.0.1:9", "--token", token, "--yes", "--no-service"]);
  expect(error).toMatchObject({ exit: 1, code: "hub_unreachable" });
  expect(error.message).toContain("127.0.0.1:9");
});

test("a member makes no tokens", async () => {
  expect(await device.refused(["device", "token"])).toMatchObject({ exit: 1, code: "forbidden" });
});

function stopping(program: Running): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => program.kill() };
}
