// What becomes of a device after it has joined: it is renamed, removed, leaves, or is refused by its hub; with
// the real program throughout.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { app } from "./app.ts";
import { agent, agentIn, Home, hubIn, type Running } from "./harness.ts";
import { signedIn, type Person } from "./person.ts";
import { until } from "./until.ts";
import { ask, text } from "./wire.ts";

let owner: Home;
let hubUrl: string;
let person: Person;

beforeAll(async () => {
  owner = new Home();
  const started = await hubIn(owner);
  hubUrl = started.hub_url;
  person = await signedIn(started.login_url ?? "");
}, 30_000);
afterAll(async () => {
  person[Symbol.dispose]();
  await owner[Symbol.asyncDispose]();
});

test("a browser that was here is away since then, not never seen", async () => {
  const { login_url } = await owner.ok(["hub", "login-link"]);
  (await signedIn(login_url))[Symbol.dispose]();
  const away = await until("the browser is away", async () => {
    const { items } = await owner.ok(["device", "ls"]);
    return items.find(
      (one: { kind: string; status: string }) => one.kind === "browser" && one.status === "offline",
    );
  });
  expect(Date.parse(away.last_seen)).toBeGreaterThan(Date.now() - 60_000);
});

test("a renamed device keeps its shares, and a taken name gets a number", async () => {
  await using device = new Home();
  await agentIn(device, { owner, hubUrl, name: "shed" });
  device.write("notes/index.html", "from the shed");
  const share = await device.add("notes", "--public");
  const other = await joined("barn");
  await using _ = other.home;

  expect(await owner.ok(["device", "rename", "shed", "attic"])).toMatchObject({
    from: "shed",
    name: "attic",
  });
  expect(text(await ask(share.url))).toBe("from the shed");
  expect((await device.ok(["device", "rename", "attic", "barn"])).name).toBe("barn-2");
  expect((await device.ok(["device", "rename", "barn-2", "attic"])).name).toBe("attic");
  const names = (await owner.ok(["device", "ls"])).items.map((one: { name: string }) => one.name);
  expect(names).toContain("attic");
  expect(names).not.toContain("shed");
  expect(await owner.refused(["device", "rename", "nobody", "x1"])).toMatchObject({ code: "not_found" });
});

test("a removed device is cut within a second, wipes its key and says so", async () => {
  const { home, running } = await joined("doomed");
  await using _ = home;
  home.write("page/index.html", "still here");
  const page = await home.add("page", "--public");
  const { port } = await app(home);
  const stream = await home.add(String(port), "--public", "--name", "stream");
  expect(text(await ask(page.url))).toBe("still here");
  // An answer that would never end by itself.
  const endless = ask(`${stream.url}events`).then(
    () => "answered",
    () => "cut",
  );
  const began = performance.now();
  expect(await owner.ok(["device", "remove", "doomed", "--yes"])).toMatchObject({ by: "owner_log" });
  await until("its address to be gone", async () => (await ask(page.url)).status === 404, 1000);
  expect(await endless).toBe("cut");
  expect(performance.now() - began).toBeLessThan(2500);

  // One file after the other.
  for (const file of ["identity", "hub.json"]) {
    await until(`${file} to be wiped`, () => !existsSync(join(home.path, file)));
  }
  expect((await home.ok(["status"])).notices.join(" ")).toContain("was removed from the fleet");
  expect(statusOf(await owner.ok(["device", "ls"]), "doomed")).toBe("revoked");
  await running.kill();
  const again = await home.refused(["agent"]);
  expect(again.code).toBe("not_joined");
  expect(again.message).toContain("was removed from the fleet");
});

test("one that was away when it was removed learns it from the log at its next contact", async () => {
  const { home, running } = await joined("away");
  await using _ = home;
  await running.kill();
  await owner.ok(["device", "remove", "away", "--yes"]);
  expect(existsSync(join(home.path, "identity"))).toBe(true);
  const next = home.spawn(["agent", "--json"]);
  await next.firstJson();
  await until("its key to be wiped", () => !existsSync(join(home.path, "identity")));
});

test("a device leaves by itself and forgets all of it", async () => {
  const { home } = await joined("leaver");
  await using _ = home;
  const left = await home.ok(["device", "remove", "--yes"]);
  expect(left).toMatchObject({ name: "leaver" });
  for (const name of ["identity", "hub.json", "state.db", "agent.json"]) {
    expect(existsSync(join(home.path, name))).toBe(false);
  }
  await until(
    "the hub to know",
    async () => statusOf(await owner.ok(["device", "ls"]), "leaver") === "revoked",
  );
});

test("a member removes nobody, and the hub's own home can't leave", async () => {
  const { home } = await joined("meek");
  await using _ = home;
  const other = await joined("target");
  await using __ = other.home;
  expect(await home.refused(["device", "remove", "target", "--yes"])).toMatchObject({ code: "forbidden" });
  expect(await owner.refused(["device", "remove", "--yes"])).toMatchObject({ code: "conflict" });
  expect(await owner.refused(["device", "remove", "target"])).toMatchObject({ exit: 2, code: "usage" });
});

test("the hub's bare word makes a device wait, and forget nothing", async () => {
  const { home, running } = await joined("kept");
  await using _ = home;
  const id = (await owner.ok(["device", "show", "kept"])).id;
  const [status] = await person.call(`/api/devices/${id}`, undefined, "DELETE");
  expect(status).toBe(200);
  const refused = await until("the hub's refusal", async () => {
    const { hub } = await home.ok(["status"]);
    return hub.state === "refused" && hub;
  });
  expect(refused.reason).toContain("revoked");
  expect(existsSync(join(home.path, "identity"))).toBe(true);
  expect(existsSync(join(home.path, "hub.json"))).toBe(true);
  expect(running.process.exitCode).toBeNull();
});

test("a device is let in by its code, unconfirmed, and by its words for good", async () => {
  await using home = new Home();
  const init = home.spawn(["init", hubUrl, "--no-service", "--name", "porch"]);
  const said = await until("the code", () => init.stderr.includes("these words") && init.stderr);
  const code = /([2-9A-Z]{4}-[2-9A-Z]{4})/.exec(said)?.[1] ?? "";
  const words = /must stand:\s+(.+)/.exec(said)?.[1]?.trim() ?? "";
  const [found, asking] = await person.call("/api/device/lookup", { user_code: code });
  expect([found, asking]).toMatchObject([200, { name: "porch", can_confirm: true }]);
  expect(asking.words.join(" ")).toBe(words);
  expect(await person.call("/api/device/decide", { user_code: code, decision: "approve" })).toMatchObject([
    200,
    { confirmed: false },
  ]);
  expect(await init.exited).toBe(0);
  expect(init.stdout).toContain("unconfirmed");

  await using running = stopping(await agent(home));
  void running;
  home.write("hello/index.html", "from the porch");
  const share = await home.add("hello", "--public");
  expect(text(await ask(share.url))).toBe("from the porch");
  expect((await owner.ok(["device", "show", "porch"])).role).toBe("none");
  const wrong = await owner.refused(["device", "approve", "porch", "--words", "a b c d e"]);
  expect(wrong).toMatchObject({ code: "bad_signature" });
  expect(await owner.ok(["device", "approve", "porch", "--words", words])).toMatchObject({ name: "porch" });
  expect((await owner.ok(["device", "show", "porch"])).role).toBe("member");
  await until(
    "its own copy of the log",
    async () => (await home.ok(["device", "show", "porch"])).role === "member",
  );
}, 40_000);

test("a device that is denied says so, and Ctrl-C ends the wait", async () => {
  await using home = new Home();
  const denied = home.spawn(["init", hubUrl, "--no-service", "--name", "denied"]);
  const said = await until("the code", () => denied.stderr.includes("these words") && denied.stderr);
  const user_code = /([2-9A-Z]{4}-[2-9A-Z]{4})/.exec(said)?.[1] ?? "";
  await person.call("/api/device/decide", { user_code, decision: "deny" });
  expect(await denied.exited).toBe(1);
  expect(denied.stderr).toContain("refused this device");
  const waiting = home.spawn(["init", hubUrl, "--no-service", "--name", "waiting"]);
  await until("the code", () => waiting.stderr.includes("these words"));
  waiting.signal("SIGINT");
  expect(await waiting.exited).toBe(130);
  expect(existsSync(join(home.path, "hub.json"))).toBe(false);
}, 30_000);

test("a place that was prepared in the page is taken by its code", async () => {
  await using home = new Home();
  const [, made] = await person.call("/api/device/setup", { device_type: "linux_x86_64", name: "cellar" });
  const args = ["init", hubUrl, "--token", made.registration_code, "--no-service"];
  expect(await home.ok(args)).toMatchObject({ name: "cellar" });
  await using again = new Home();
  expect(await again.refused(args)).toMatchObject({ code: "token_invalid" });
});

function stopping(program: Running): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => program.kill() };
}

async function joined(name: string): Promise<{ home: Home; running: Running }> {
  const home = new Home();
  return { home, running: await agentIn(home, { owner, hubUrl, name }) };
}

function statusOf(
  { items }: { items: { name: string; status: string }[] },
  name: string,
): string | undefined {
  return items.find((one) => one.name === name)?.status;
}
