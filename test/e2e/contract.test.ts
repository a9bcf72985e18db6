// What scripts may rely on: the JSON of each command, exit codes, errors as JSON, and how long things take.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { Home, hubIn, portOf, PROGRAM, type StartFacts } from "./harness.ts";
import { failure, until } from "./until.ts";
import { ask, text, Wire } from "./wire.ts";

const ID = /^[a-z2-7]{7}(-[a-z2-7]{7}){3}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const LOGIN = /^http:\/\/muster\.localhost:\d+\/#login\.[\w-]+\.[\w-]+$/;

const root = resolve(import.meta.dir, "..", "..");

/** Of the checkout, not of a program that was compiled. */
function installed(): boolean {
  if (process.env["MUSTER_BINARY"] !== undefined) return false;
  const stamp = resolve(root, "node_modules", ".muster-lock");
  return (
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") ===
      new Bun.CryptoHasher("sha256").update(readFileSync(resolve(root, "package-lock.json"))).digest("hex")
  );
}

let home: Home;
let facts: StartFacts;

beforeAll(async () => {
  home = new Home();
  facts = await home.start();
  home.write("site/index.html", "<h1>Hello</h1>");
});
afterAll(() => home[Symbol.asyncDispose]());

describe("JSON", () => {
  test("start says where the hub is, how to sign in, and which device and process it is", () => {
    expect(facts).toEqual({
      hub_url: expect.stringMatching(/^http:\/\/localhost:\d+$/),
      login_url: expect.stringMatching(LOGIN),
      device_id: expect.stringMatching(ID),
      device_name: expect.any(String),
      pid: expect.any(Number),
    });
    expect(home.processes()).toContain(facts.pid);
  });

  test("what start shows once stands nowhere in the home: neither the sign-in link nor a password", async () => {
    const { password = "", name } = await home.add("site", "--name", "secretive");
    const link = facts.login_url?.split(".").at(-1) ?? "";
    for (const secret of [password, link]) {
      expect(secret.length).toBeGreaterThan(10);
      expect(Bun.spawnSync(["grep", "-rlsF", "-e", secret, home.path]).stdout.toString()).toBe("");
    }
    await home.ok(["rm", name]);
  });

  test("start again changes nothing: the same process, the same hub", async () => {
    const again = await home.start();
    expect(again).toMatchObject({ hub_url: facts.hub_url, pid: facts.pid, device_id: facts.device_id });
  });

  test("add, ls and rm of a page", async () => {
    const added = await home.add("site");
    const { password = "", id, url } = added;
    const hub = new URL(facts.hub_url);
    expect(added).toMatchObject({
      id: expect.stringMatching(/^\w+$/),
      name: "site",
      kind: "page",
      url: `http://site.localhost:${hub.port}/`,
      access: "password",
      password: expect.stringMatching(/.{12,}/),
    });
    const proven = await until("a proof of the share", async () => {
      const { shares } = await home.ok(["ls"]);
      return shares[0]?.proof.state === "live" && shares[0];
    });
    expect(proven).toMatchObject({
      id,
      name: "site",
      kind: "page",
      state: "running",
      url,
      access: "password",
      stable: true,
      links: [{ kind: "hub", url, state: "live" }],
      proof: {
        state: "live",
        checked_at: expect.stringMatching(ISO),
        latency_ms: expect.any(Number),
        reason: null,
      },
    });
    expect(JSON.stringify(await home.ok(["status"]))).not.toContain(password);
    await home.ok(["rm", "site"]);
    expect((await home.ok(["ls"])).shares).toEqual([]);
    expect((await ask(url)).status).toBe(404);
  });

  test("status has hub, device, shares, devices and vms", async () => {
    expect(await home.ok(["status"])).toMatchObject({
      hub: { url: facts.hub_url, state: "connected" },
      device: { id: facts.device_id, name: facts.device_name },
      shares: expect.any(Array),
      devices: [{ id: facts.device_id, name: facts.device_name, status: "online", controller: true }],
      vms: [],
    });
  });

  test("device token makes a token, says when it ends and what to run", async () => {
    const made = await home.ok(["device", "token", "--expires", "1h"]);
    expect(made).toEqual({
      token: expect.stringMatching(/^mst1_[\w-]+$/),
      expires_at: expect.stringMatching(ISO),
      // Its hub is on loopback.
      only_here: true,
      install: expect.stringContaining(made.token),
    });
    expect(Date.parse(made.expires_at) - Date.now()).toBeWithin(3_500_000, 3_600_001);
  });

  test("hub prints its addresses as the first line and runs until it is told to end", async () => {
    await using other = new Home();
    const { hub, hub_url, login_url } = await hubIn(other);
    expect(login_url).toMatch(LOGIN);
    expect(JSON.parse(text(await ask(`${hub_url}/health`)))).toMatchObject({ status: "healthy" });
    const link = await other.ok(["hub", "login-link"]);
    expect(link.login_url).toMatch(LOGIN);
    expect(link.login_url).not.toBe(login_url);
    hub.signal("SIGTERM");
    expect(await hub.exited).toBe(0);
    expect(hub.stdout.trim().split("\n")).toHaveLength(1);
  });

  test("init says which device it became", async () => {
    await using second = new Home();
    const { token } = await home.ok(["device", "token"]);
    const joined = await second.ok([
      "init",
      facts.hub_url,
      "--token",
      token,
      "--yes",
      "--no-service",
      "--name",
      "pi",
    ]);
    const { device_id, name, hostname } = joined;
    expect(device_id).toMatch(ID);
    expect({ name, hostname }).toEqual({ name: "pi", hostname: "" });
    expect(joined.device_id).not.toBe(facts.device_id);
  });
});

describe("exit codes and errors", () => {
  test.each([
    [["frobnicate"]],
    [["add"]],
    [["add", "site", "--nonsense"]],
    [["add", "70000"]],
    [["add", "site", "--expires", "soon"]],
    [["add", "site", "--name", "Not A Name"]],
    [["add", "site", "--public", "--password", "x"]],
    [["init", "not a url", "--token", "mst1_x"]],
    [["start", "--port", "99999"]],
  ])("%j is wrong usage: 2, with what is wrong and what to do", async (args) => {
    const error = await home.refused(args);
    expect(error.exit).toBe(2);
    expect(error.code).toBe("usage");
    expect(error.message).not.toBe("");
  });

  test("what is right but fails is 1", async () => {
    expect(await home.refused(["rm", "nothing"])).toMatchObject({ exit: 1, code: "not_found" });
    expect(await home.refused(["add", "./missing"])).toMatchObject({ exit: 1, code: "not_found" });
  });

  test("without --json an error and a hint are two plain lines on stderr, and stdout is empty", async () => {
    const result = await home.run(["add", "./missing"]);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe("");
    expect(result.stderr).toMatch(/^muster: error: .+\nmuster: hint: .+\n$/);
  });

  test("a home where nothing runs says so: commands fail, status and stop do not", async () => {
    await using empty = new Home();
    expect(await empty.refused(["add", "3000"])).toMatchObject({ exit: 1, code: "agent_not_running" });
    expect((await empty.ok(["status"])).hub.state).toBe("stopped");
    expect(await empty.ok(["stop"])).toMatchObject({ stopped: false });
    expect(await empty.refused(["agent"])).toMatchObject({ exit: 1, code: "not_joined" });
  });

  test("output has no colours and no control characters where there is no terminal", async () => {
    for (const args of [["status"], ["ls"], ["--help"], ["add", "./missing"]]) {
      const { stdout, stderr } = await home.run(args);
      // oxlint-disable-next-line no-control-regex
      expect(stdout + stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/);
    }
  });

  test("a state folder that others may write to is refused, not used", async () => {
    await using open = new Home();
    open.write("home/x", "");
    await Bun.$`chmod 777 ${open.path}`.quiet();
    expect(await open.refused(["start", "--port", "0"])).toMatchObject({ exit: 1 });
    expect(open.processes()).toEqual([]);
  });
});

describe("starting and stopping", () => {
  // An installation in the middle of the tests would pull the program away from under them.
  test.skipIf(!installed())(
    "npm start runs in the foreground, prints the URL, is quick the second time, and ends on Ctrl-C",
    async () => {
      await using fresh = new Home();
      const script = resolve(root, "scripts", "start.mjs");
      let address = "";
      for (const args of [["--port", "0"], []]) {
        const began = performance.now();
        const program = fresh.spawn(args, { program: ["node", script] });
        const url = await until("the URL", () => /http:\/\/localhost:\d+/.exec(program.stdout)?.[0], 20_000);
        expect(performance.now() - began).toBeLessThan(10_000);
        expect((await ask(`${url}/health`)).status).toBe(200);
        // Without --port it comes back where it was.
        if (args.length === 0) expect(url).toBe(address);
        address = url;
        program.signal("SIGINT");
        expect(await program.exited).toBe(130);
        await until("the end of all of it", () => fresh.processes().length === 0);
      }
    },
  );

  test("stop ends its process, and the shares are there again after start, at the same address", async () => {
    await using fresh = new Home();
    const { pid } = await fresh.start();
    fresh.write("docs/index.html", "docs");
    const { url } = await fresh.add("docs", "--public");
    expect(await fresh.ok(["stop"])).toEqual({ stopped: true, pid });
    expect(fresh.processes()).toEqual([]);
    await fresh.ok(["start"]);
    expect(text(await ask(url))).toBe("docs");
  });

  test("two starts at once start one, and both say where it is", async () => {
    await using fresh = new Home();
    const [one, other] = await Promise.all([fresh.start(), fresh.start()]);
    expect(other.pid).toBe(one.pid);
    expect(other.hub_url).toBe(one.hub_url);
    // What found the home taken ends by itself.
    await until("one process", () => fresh.processes().length === 1);
    expect(fresh.processes()).toEqual([one.pid]);
    const again = await fresh.refused(["start", "--foreground"]);
    expect(again).toMatchObject({ code: "agent_running", exit: 1 });
  });

  test("a terminal that is closed ends what runs in it, in good order; nohup keeps it", async () => {
    await using fresh = new Home();
    const begun = async (program: readonly string[]) => {
      const running = fresh.spawn(["start", "--foreground", "--port", "0", "--json"], { program });
      await running.firstJson();
      running.signal("SIGHUP");
      return running;
    };
    const closed = await begun([PROGRAM]);
    expect(await closed.exited).toBe(0);
    const kept = await begun(["nohup", PROGRAM]);
    expect((await fresh.ok(["status"])).hub.state).toBe("connected");
    expect(kept.process.exitCode).toBeNull();
  });

  test("stop ends a hub that runs alone, whatever its certificate is for", async () => {
    await using fresh = new Home();
    const { hub } = await hubIn(fresh);
    // Where its address leads is not asked: only others may be able to go there.
    const file = join(fresh.path, "hub.json");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("localhost", "hub.test"));
    expect(await fresh.ok(["stop"])).toEqual({ stopped: true, pid: expect.any(Number) });
    expect(await hub.exited).toBe(0);
    expect(await fresh.ok(["stop"])).toEqual({ stopped: false, pid: null });
  });

  test("a port that is taken is named, and nothing is left running", async () => {
    await using other = new Home();
    const port = portOf(facts.hub_url);
    const error = await other.refused(["start", "--port", String(port)]);
    expect(error).toMatchObject({
      exit: 1,
      code: "port_taken",
      message: expect.stringContaining(String(port)),
    });
    expect(other.processes()).toEqual([]);
  });

  test("an address that is not this machine's is named, and so is a home that can't be one", async () => {
    await using other = new Home();
    expect(await other.refused(["start", "--port", "0", "--host", "192.0.2.1"])).toMatchObject({
      exit: 1,
      message: expect.stringContaining("no address 192.0.2.1 to"),
    });
    expect(other.processes()).toEqual([]);
    await using file = new Home();
    writeFileSync(file.path, "");
    expect(await file.refused(["start", "--port", "0"])).toMatchObject({ exit: 1, code: "state_unsafe" });
  });

  test("the hub listens on loopback in both families and on nothing else", async () => {
    const port = portOf(facts.hub_url);
    await using v4 = await Wire.connect(port, "127.0.0.1");
    await using v6 = await Wire.connect(port, "::1");
    for (const wire of [v4, v6]) {
      await wire.write(`GET /health HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
      expect((await wire.answer()).status).toBe(200);
    }
    for (const { address, internal } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
      if (internal || address.startsWith("fe80:")) continue;
      expect(await failure(Wire.connect(port, address))).toContain("ECONNREFUSED");
    }
  });
});
