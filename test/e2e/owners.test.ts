// Who may command changes hands, and is taken back by written words; with the real program.
import { expect, test } from "bun:test";
import { agentIn, Home, hubIn } from "./harness.ts";
import { until } from "./until.ts";

test("a promoted device commands, the hub's home hands over, and words take it all back", async () => {
  await using owner = new Home();
  const { hub_url: hubUrl } = await hubIn(owner);
  await using laptop = new Home();
  await using pi = new Home();
  await agentIn(laptop, { owner, hubUrl, name: "laptop" });
  await agentIn(pi, { owner, hubUrl, name: "pi" });
  const run = ["run", "--json", "--device", "pi", "--", "echo", "done"];
  expect((await laptop.run(run)).error).toMatchObject({ code: "forbidden" });

  await owner.ok(["device", "promote", "laptop", "--yes"]);
  await until(
    "the laptop to know",
    async () => roleOf(await laptop.ok(["device", "owners"]), "laptop") === "controller",
  );
  expect((await laptop.run(run)).json).toMatchObject({ device: "pi", logs: "done\n" });
  // To command is not to decide who commands.
  expect(await laptop.refused(["device", "promote", "pi", "--yes"])).toMatchObject({ code: "forbidden" });

  const { words } = await owner.ok(["device", "owners", "recovery"]);
  expect(words).toHaveLength(24);
  await owner.ok(["hub", "handover", "laptop", "--yes"]);
  expect((await owner.run(run)).code).toBe(125);
  await until("the laptop to be admin", async () => {
    const { items } = await laptop.ok(["device", "owners"]);
    return items.some((one: { self: boolean; scopes: string[] }) => one.self && one.scopes.includes("admin"));
  });

  const taken = await pi.run(["device", "owners", "recover", "--yes", "--json"], { input: words.join(" ") });
  expect(taken.json).toMatchObject({ beaten: 0 });
  await until(
    "the laptop to know",
    async () => roleOf(await laptop.ok(["device", "owners"]), "laptop") === "member",
  );
  expect((await pi.run(["run", "--json", "--device", "laptop", "--", "echo", "mine"])).json).toMatchObject({
    logs: "mine\n",
  });
  expect((await laptop.run(run)).code).toBe(125);
}, 60_000);

function roleOf({ items }: { items: { name: string; role: string }[] }, name: string): string | undefined {
  return items.find((one) => one.name === name)?.role;
}
