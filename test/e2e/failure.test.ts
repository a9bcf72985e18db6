// Bad luck: whatever fails is named, nothing is lost by it, and it heals without a person.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { app } from "./app.ts";
import { agentIn, Home, hubIn, type Running } from "./harness.ts";
import { until } from "./until.ts";
import { ask, CutOff, field, text, type Answer } from "./wire.ts";

let owner: Home;
let device: Home;
let agent: Running;
let url: string;
/** For the app that hangs, since the agent of the other tests goes away. */
let patient: Home;
/** It takes as long as an app may take, so it is asked before everything else. */
let hanging: Promise<{ answer: Answer; ms: number }>;

beforeAll(async () => {
  owner = new Home();
  device = new Home();
  patient = new Home();
  const { hub_url: hubUrl } = await hubIn(owner);
  agent = await agentIn(device, { owner, hubUrl, name: "shaky" });
  const { port } = await app(device);
  url = (await device.add(String(port), "--public", "--name", "app")).url;

  hanging = hangingAnswer();
  hanging.catch(() => {}); // the test that looks at it may have been left out
});
afterAll(async () => {
  await patient[Symbol.asyncDispose]();
  await device[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

describe("an app", () => {
  test("that does not listen: 502 that names the hop, as a page and as JSON, with a request id", async () => {
    const gone = await app(device);
    const { url: at } = await device.add(String(gone.port), "--public", "--name", "gone");
    await gone.process.kill();
    const json = await ask(at, { headers: { accept: "application/json" } });
    expect(json.status).toBe(502);
    expect(JSON.parse(text(json))).toMatchObject({ error: { code: "app_refused" } });
    expect(text(json)).toContain(String(gone.port));
    const page = await ask(at, { headers: { accept: "text/html" } });
    expect([page.status, field(page, "content-type")]).toEqual([502, "text/html; charset=utf-8"]);
    expect(text(page)).toMatch(/request <code>[\w-]+<\/code>/);
    await until(
      "what it says of itself",
      async () => {
        const { state, proof } = await shareOf("gone");
        return state === "waiting" && proof.state === "degraded" && proof.reason;
      },
      15_000,
    );
  });

  test("that breaks off in the middle of an answer: the visitor sees a cut, never a whole answer", async () => {
    const error = await ask(`${url}broken`).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CutOff);
  });

  test("that dies while it is asked: 502, and a request with a body is not repeated", async () => {
    const dying = await app(device);
    const { url: at } = await device.add(String(dying.port), "--public", "--name", "dying");
    expect((await ask(`${at}crash`, { method: "POST", body: "x" })).status).toBe(502);
    await dying.process.exited;
  });

  test("that speaks something else than HTTP: 502 that says so", async () => {
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end("220 mail.example ESMTP\r\n") },
    });
    try {
      const { url: at } = await device.add(String(server.port), "--public", "--name", "greets");
      const answer = await ask(at, { headers: { accept: "application/json" } });
      expect([answer.status, JSON.parse(text(answer)).error.code]).toEqual([502, "app_broken"]);
    } finally {
      server.stop(true);
    }
  });
});

describe("a device that is away", () => {
  test("visitors wait a little, then get 503 with Retry-After; it is shown offline, and comes back", async () => {
    agent.signal("SIGKILL");
    await agent.exited;
    const began = performance.now();
    const answer = await ask(url, { headers: { accept: "application/json" } });
    expect(performance.now() - began).toBeWithin(4_000, 9_000);
    expect([answer.status, Number(field(answer, "retry-after")) > 0]).toEqual([503, true]);
    expect(JSON.parse(text(answer)).error.code).toBe("device_offline");
    const { devices } = await owner.ok(["status"]);
    expect(devices.find(({ name }: { name: string }) => name === "shaky").status).toBe("offline");
    await until("a dead proof", async () => (await shareOf("app")).proof.state === "dead", 16_000);

    // Who waits when it comes back gets its answer.
    const waiting = ask(`${url}part`);
    agent = device.spawn(["agent", "--json"]);
    expect((await waiting).status).toBe(200);
    await until("a live proof", async () => (await shareOf("app")).proof.state === "live", 15_000);
  });
});

describe("what is in the way", () => {
  test("a port that another program has", async () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    try {
      await using home = new Home();
      const error = await home.refused(["start", "--port", String(server.port)]);
      expect(error).toMatchObject({
        code: "port_taken",
        message: expect.stringContaining(String(server.port)),
      });
      const hub = await home.refused(["hub", "--host", "127.0.0.1", "--port", String(server.port)]);
      expect(hub.code).toBe("port_taken");
    } finally {
      server.stop(true);
    }
  });

  test("a folder that is gone: its share says so and is there again with it", async () => {
    const file = device.write("moved/index.html", "here");
    const { url: at } = await device.add("moved", "--public");
    expect(text(await ask(at))).toBe("here");
    rmSync(join(file, ".."), { recursive: true });
    expect((await ask(at)).status).toBe(404);
    device.write("moved/index.html", "back");
    expect(text(await ask(at))).toBe("back");
  });
});

describe("a damaged state", () => {
  test.each(["nonsense", "cut short", "a page overwritten"])(
    "state.db, %s: moved aside whole, said, and the agent runs",
    async (how) => {
      await using home = new Home();
      await home.start();
      home.write("site/index.html", "site");
      await home.add("site", "--public");
      await home.ok(["stop"]);
      const file = join(home.path, "state.db");
      damage(file, how);
      await home.start();
      const status = await home.ok(["status"]);
      const aside = readdirSync(home.path).find((name) => name.startsWith("state.db.corrupt-"));
      expect(aside).toBeDefined();
      expect(JSON.stringify(status.notices)).toContain(aside ?? "-");
      expect(await home.add("site", "--public")).toMatchObject({ name: expect.stringMatching(/^site/) });
    },
  );

  test("hub.db: moved aside whole, said, and the hub serves", async () => {
    await using home = new Home();
    await home.start();
    await home.ok(["stop"]);
    damage(join(home.path, "hub", "hub.db"), "nonsense");
    await home.start();
    const aside = readdirSync(join(home.path, "hub")).find((name) => name.startsWith("hub.db.corrupt-"));
    expect(aside).toBeDefined();
    expect(JSON.stringify((await home.ok(["status"])).notices)).toContain(aside ?? "-");
    home.write("site/index.html", "site");
    expect(text(await ask((await home.add("site", "--public")).url))).toBe("site");
  });

  test.each(["identity", "hub.json", "hub/key", "hub/secret", "lock.db"])(
    "%s: refused by name, not replaced",
    async (name) => {
      await using home = new Home();
      await home.start();
      await home.ok(["stop"]);
      const nonsense = "nonsense".repeat(200); // SQLite begins anew what is shorter than its own head
      writeFileSync(join(home.path, name), nonsense, { mode: 0o600 });
      expect(await home.refused(["start"])).toMatchObject({
        exit: 1,
        message: expect.stringContaining(name),
      });
      expect(await Bun.file(join(home.path, name)).text()).toBe(nonsense);
    },
  );
});

describe("a full disk", () => {
  test.skipIf(!mayMount())(
    "refuses new work with storage_full, serves on, loses nothing, and heals by itself",
    async () => {
      await using home = new Home();
      await using _ = smallDisk(home);
      await home.start();
      home.write("site/index.html", "site");
      const first = await home.add("site", "--public");
      const ballast = join(home.path, "ballast");
      fill(ballast);
      const accepted = [first.name];
      const refused = await until("a refusal", async () => {
        const result = await home.run(["add", "site", "--public", "--json"]);
        if (result.code === 0) accepted.push(result.json.name);
        return result.code !== 0 && result.error;
      });
      expect(refused.code).toBe("storage_full");
      expect(text(await ask(first.url))).toBe("site");
      const names = async () =>
        (await home.ok(["ls"])).shares.map(({ name }: { name: string }) => name).sort();
      expect(await names()).toEqual(accepted.toSorted());
      rmSync(ballast);
      accepted.push((await home.add("site", "--public")).name);
      expect(await names()).toEqual(accepted.toSorted());
    },
  );
});

describe("Ctrl-C", () => {
  test.each([30, 200, 500])(
    "while it starts, after %d ms: nothing is left behind, and it starts the next time",
    async (ms) => {
      await using home = new Home();
      const starting = home.spawn(["start", "--port", "0", "--json"]);
      await Bun.sleep(ms);
      starting.signal("SIGINT");
      const code = await starting.exited;
      // It may have been done already, or not even have begun to listen.
      if (code === 0) expect(JSON.parse(starting.stdout)).toHaveProperty("pid");
      else {
        expect([130, 128]).toContain(code);
        await until("an end of all of it", () => home.processes().length === 0);
      }
      expect((await home.ok(["start", "--port", "0"])).pid).toBeGreaterThan(0);
    },
  );

  test("as it says that it has started: it has, and did not fail", async () => {
    await using home = new Home();
    const starting = home.spawn(["start", "--port", "0", "--json"]);
    starting.process.stdout?.once("data", () => starting.signal("SIGINT"));
    expect(await starting.exited).toBe(0);
    expect(home.processes()).toEqual([home.agentPid()]);
  });

  test("while an app is awaited: the wait ends in the agent too, long before the app would listen", async () => {
    const before = device.processes().length;
    const mark = join(device.folder, "awaited");
    const run = `touch ${mark}; exec sleep 1000`;
    const adding = device.spawn(["add", ".", "--run", run, "--port", "4997", "--name", "awaited", "--json"]);
    await until("the app's start", () => existsSync(mark));
    const began = performance.now();
    adding.signal("SIGINT");
    expect(await adding.exited).toBe(130);
    // Half a minute is what an app gets to listen.
    await until("an end of the app", () => device.processes().length === before, 20_000);
    expect(performance.now() - began).toBeLessThan(20_000);
    const { shares } = (await device.ok(["ls"])) as { shares: Share[] };
    expect(shares.filter(({ name }) => name === "awaited")).toEqual([]);
  });

  test("of the hub and of the agent in the foreground", async () => {
    await using home = new Home();
    const { hub } = await hubIn(home);
    hub.signal("SIGINT");
    expect(await hub.exited).toBe(130);
    expect(hub.stderr).not.toContain("error:");
  });
});

test("an app that takes a request and hangs: 504 after half a minute, naming the app", async () => {
  const { answer, ms } = await hanging;
  expect([answer.status, JSON.parse(text(answer)).error.code]).toEqual([504, "app_timeout"]);
  expect(ms).toBeWithin(29_000, 34_000);
}, 60_000);

async function hangingAnswer(): Promise<{ answer: Answer; ms: number }> {
  await patient.start();
  const { port } = await app(patient);
  const { url: at } = await patient.add(String(port), "--public");
  const began = performance.now();
  const headers = { accept: "application/json" };
  const answer = await ask(`${at}hang`, { headers, patienceMs: 40_000 });
  return { answer, ms: performance.now() - began };
}

interface Share {
  name: string;
  state: string;
  proof: { state: string; reason: string | null };
}

async function shareOf(name: string): Promise<Share> {
  const { shares } = (await owner.ok(["ls"])) as { shares: Share[] };
  const share = shares.find((one) => one.name === name);
  if (share === undefined) throw new Error(`no share "${name}"`);
  return share;
}

function damage(file: string, how: string): void {
  rmSync(`${file}-wal`, { force: true });
  rmSync(`${file}-shm`, { force: true });
  const size = statSync(file).size;
  if (how === "cut short") return truncateSync(file, Math.floor(size / 2 / 4096) * 4096 + 100);
  const bytes = how === "nonsense" ? Buffer.alloc(size, "nonsense") : undefined;
  if (bytes !== undefined) return writeFileSync(file, bytes);
  const handle = openSync(file, "r+");
  for (let page = 1; page < size / 4096; page++)
    writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
  closeSync(handle);
}

/** Looked at by doing it: containers run as root and may not. */
function mayMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "muster-mount-"));
  const mounted = mount(folder);
  if (mounted) unmount(folder);
  rmSync(folder, { recursive: true });
  return mounted;
}

/** A file system of its own for a home, with room for little. */
function smallDisk(home: Home): AsyncDisposable {
  mkdirSync(home.path, { mode: 0o700 });
  if (!mount(home.path)) throw new Error("not mounted");
  return {
    async [Symbol.asyncDispose]() {
      await home.end();
      unmount(home.path);
    },
  };
}

function mount(folder: string): boolean {
  const options = ["-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs"];
  return Bun.spawnSync(["mount", ...options, folder]).exitCode === 0;
}

function unmount(folder: string): void {
  Bun.spawnSync(["umount", "-l", folder]);
}

function fill(file: string): void {
  for (const piece of [1024 * 1024, 4096, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(piece), { flag: "a" });
    } catch {
      // Full for this size of piece.
    }
  }
}
