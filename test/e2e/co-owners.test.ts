// Two owners command one device: an owner, a server of theirs, and a teammate whose home has joined nothing.
import { expect, test } from "bun:test";
import { agent, agentIn, Home, hubIn } from "./harness.ts";
import { until } from "./until.ts";

test("a teammate claims a share of the server, commands it alone, and loses it at once", async () => {
  await using owner = new Home();
  const { hub_url: hubUrl } = await hubIn(owner);
  await using server = new Home();
  await using laptop = new Home();
  await using mate = new Home();
  await agentIn(server, { owner, hubUrl, name: "server" });
  await agentIn(laptop, { owner, hubUrl, name: "laptop" });

  const { token, claim } = await owner.ok(["device", "token", "--share", "server"]);
  expect(claim).toBe(`muster device claim ${hubUrl}/claim#${token}`);
  // A machine alone joins nothing with it, and a home of nobody needs to know where it leads.
  const init = ["init", hubUrl, "--token", token, "--no-service"];
  expect(await mate.refused(init)).toMatchObject({ code: "usage" });
  expect(await mate.refused(["device", "claim", token])).toMatchObject({ code: "usage" });
  const link = `${hubUrl}/claim#${token}`;
  const claimed = await mate.ok(["device", "claim", link, "--as", "Mate"]);
  expect(claimed).toMatchObject({ name: "server", hub_url: hubUrl });
  // Whoever asks again has it still; whoever else has the token comes too late.
  expect(await mate.ok(["device", "claim", link])).toMatchObject({ name: "server" });
  await using late = new Home();
  expect(await late.refused(["device", "claim", link])).toMatchObject({ code: "token_invalid" });
  expect(await owner.refused(["device", "claim", link])).toMatchObject({ code: "conflict" });

  // It sees and commands this one device, and is seen by its owner.
  const { items } = await mate.ok(["device", "ls"]);
  const seen = items.map(({ name, shared = false }: { name: string; shared?: boolean }) => [name, shared]);
  expect(seen).toContainEqual(["server", true]);
  expect(seen.map(([name]: [string]) => name)).not.toContain("laptop");
  const run = (device: string) => ["run", "--json", "--device", device, "--", "echo", "done"];
  expect((await mate.run(run("server"))).json).toMatchObject({ device: "server", logs: "done\n" });
  expect((await mate.run(run("laptop"))).error).toMatchObject({ code: "not_found" });
  const tasks = await mate.ok(["task", "ls"]);
  expect(tasks.items.map(({ title }: { title: string }) => title)).toEqual(["echo done"]);
  expect((await owner.ok(["device", "owners"])).co_owners).toMatchObject([
    { device: "server", name: "Mate" },
  ]);
  for (const args of [
    ["device", "remove", "server", "--yes"],
    ["device", "promote", "server", "--yes"],
    ["device", "rename", "server", "mine"],
    ["device", "token", "--share", "server"],
  ]) {
    expect(await mate.refused(args)).toMatchObject({ code: "forbidden" });
  }
  expect((await owner.run(run("server"))).json).toMatchObject({ logs: "done\n" });

  // What runs by its order ends at once, and its owner's goes on.
  const long = mate.spawn(["run", "--device", "server", "--", "sh", "-c", "echo begun; exec sleep 60"]);
  await until("it to run", () => long.stdout.includes("begun"));
  await owner.ok(["device", "unshare", "server"]);
  const began = performance.now();
  expect(await long.exited).toBe(125);
  // Far sooner than it would have ended; the device itself is held to a second in test/hostile-hub.
  expect(performance.now() - began).toBeLessThan(10_000);
  expect((await mate.run(run("server"))).error).toMatchObject({ code: "not_found" });
  expect((await owner.run(run("server"))).json).toMatchObject({ logs: "done\n" });

  // Shared again, with an agent in the teammate's home; this time the teammate lets go.
  const again = await owner.ok(["device", "token", "--share", "server"]);
  await agent(mate);
  const second = await mate.ok(["device", "claim", again.token, "--as", "Mate"]);
  expect(second).toMatchObject({ name: "server", joined: null });
  await until("the teammate to have it", async () => (await mate.run(run("server"))).code === 0);
  expect((await mate.ok(["device", "owners"])).shared_with_me).toMatchObject([{ device: "server" }]);
  expect(await mate.ok(["device", "unshare", "server"])).toMatchObject({ name: "server", owner: null });
  expect((await mate.run(run("server"))).error).toMatchObject({ code: "not_found" });
  // As long as the server's owner lets them, they may come back; then no token of before does.
  await mate.ok(["device", "claim", again.token]);
  await until("the teammate to have it", async () => (await mate.run(run("server"))).code === 0);
  await owner.ok(["device", "unshare", "server", "Mate"]);
  expect(await mate.refused(["device", "claim", again.token])).toMatchObject({ code: "token_invalid" });
}, 120_000);
