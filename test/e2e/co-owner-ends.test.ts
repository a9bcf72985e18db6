// What a co-owner has open on a shared device ends when its owner says so, all of it and at once, and nothing of the
// owner's own; also a name that was given since, and a co-owner who leaves by themselves.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { app } from "./app.ts";
import { agentIn, Home, hubIn } from "./harness.ts";
import { Typist } from "./typist.ts";
import { until, within } from "./until.ts";

const owner = new Home();
const server = new Home();
const mate = new Home();
let hubUrl: string;

beforeAll(async () => {
  const [{ hub_url }, { port }] = await Promise.all([hubIn(owner), app(server)]);
  hubUrl = hub_url;
  server.configure(`[services.web]\nport = ${port}\n`);
  await agentIn(server, { owner, hubUrl, name: "server" });
}, 60_000);
afterAll(async () => {
  for (const home of [mate, server, owner]) await home[Symbol.asyncDispose]();
}, 60_000);

/** An answer of the service that never ends by itself. */
async function endless(url: string, headers: Record<string, string> = {}): Promise<{ over: Promise<void> }> {
  const answer = await fetch(`${url}events`, { headers });
  expect(answer.status).toBe(200);
  const reader = answer.body?.getReader();
  await reader?.read();
  const over = async (): Promise<void> => {
    for (;;) if ((await reader?.read().catch(() => undefined))?.done !== false) return;
  };
  return { over: over() };
}

const ticketOf = async (home: Home): Promise<[string, Record<string, string>]> => {
  const { url, ticket } = await home.ok(["forward", "--ticket", "server/web"]);
  return [url, { authorization: `Bearer ${ticket}` }];
};

test("service, forward, shell and task logs of a co-owner end with the share, and the owner's go on", async () => {
  const { link } = await owner.ok(["device", "token", "--share", "server"]);
  await mate.ok(["device", "claim", link, "--as", "Mate"]);
  const [url, headers] = await ticketOf(mate);
  const page = await endless(url, headers);
  const [ownUrl, ownHeaders] = await ticketOf(owner);
  const own = await endless(ownUrl, ownHeaders);
  const forward = mate.spawn(["forward", "server/web", "--json"]);
  const through = await endless(`http://127.0.0.1:${(await forward.firstJson()).local_port}/`);
  using shell = new Typist(mate, ["shell", "server"]);
  await shell.line("echo mark$((20+3))", "mark23");
  const order = [
    "run",
    "--json",
    "--detach",
    "--device",
    "server",
    "--",
    "sh",
    "-c",
    "echo on; exec sleep 99",
  ];
  const logs = mate.spawn(["task", "logs", "-f", (await mate.run(order)).json.id]);
  await until("the logs to be read", () => logs.stdout.includes("on"));

  await owner.ok(["device", "unshare", "server"]);
  // Far more than the second in which a device acts: its own tests hold it to that.
  const ends: Promise<unknown>[] = [page.over, through.over, shell.exited, logs.exited];
  await Promise.all(ends.map((end) => within(8_000, "an end", end)));
  expect((await fetch(url, { headers })).status).toBe(404);
  expect(await Promise.race([own.over.then(() => "over"), Bun.sleep(0).then(() => "goes on")])).toBe(
    "goes on",
  );
  expect((await owner.run(["run", "--json", "--device", "server", "--", "echo", "done"])).json).toMatchObject(
    {
      logs: "done\n",
    },
  );
}, 90_000);

test("a co-owner who leaves is told of as such, under the device's name of today, until the owner ends it", async () => {
  const { token } = await owner.ok(["device", "token", "--share", "server"]);
  await mate.ok(["device", "claim", token]);
  await owner.ok(["device", "rename", "server", "prod"]);
  const shown = await owner.ok(["device", "owners"]);
  expect(shown.co_owners).toMatchObject([{ device: "prod", holds: true }]);
  expect(shown.items.map(({ name }: { name: string }) => name)).toContain("prod");
  expect((await mate.ok(["device", "owners"])).shared_with_me).toMatchObject([{ device: "prod" }]);
  await mate.ok(["device", "unshare", "prod"]);
  expect((await owner.ok(["device", "owners"])).co_owners).toMatchObject([{ device: "prod", holds: false }]);
  const { stdout } = await owner.run(["device", "owners"]);
  expect(stdout).toContain("who let it go");
  const [, command = ""] = /until you end it: muster (device unshare .+)$/m.exec(stdout) ?? [];
  await owner.ok(command.split(" "));
  expect((await owner.ok(["device", "owners"])).co_owners).toEqual([]);
}, 60_000);
