// The library for other programs, as it is built: under Node 20 and under Bun, against a real hub, in programs
// that are killed, and with a real agent at the other end. And a client that uses none of it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type * as Library from "../../src/library.ts";
import { Home, type Json, type Running } from "./harness.ts";
import { until } from "./until.ts";

const root = resolve(import.meta.dir, "..", "..");
const SYNC = join(root, "examples", "basic-sync", "sync.mjs");
const BUILT = join(root, "dist", "client", "index.js");
const NODE = ["node", "--experimental-websocket", "--no-warnings"];
const BUN = [process.execPath];
/** Two runtimes that start on a machine with other things to do. */
const PATIENCE_MS = 30_000;

let home: Home;
let hubUrl: string;

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(root, "scripts", "build-client.ts")], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr);
  home = new Home();
  ({ hub_url: hubUrl } = await home.start());
}, 60_000);

afterAll(() => home[Symbol.asyncDispose]());

function notesFolder(name: string): string {
  const path = join(home.folder, name);
  mkdirSync(path);
  return path;
}

/** The example, running. */
function sync(runtime: readonly string[], notes: string, ...wish: string[]): Running {
  return home.spawn([SYNC, notes, hubUrl, ...wish], { program: runtime });
}

function says(program: Running, what: RegExp): Promise<RegExpExecArray> {
  const said = (): RegExpExecArray | null => {
    if (program.process.exitCode !== null) throw new Error(`it ended: ${program.stdout}${program.stderr}`);
    return what.exec(program.stdout);
  };
  return until(`${what.source} of the example`, said, PATIENCE_MS);
}

async function kill(program: Running): Promise<void> {
  program.process.kill("SIGKILL");
  await program.exited;
}

function noteIn(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

test("two folders, under Node 20 and under Bun, stay the same through kills of both", async () => {
  const [one, two] = [notesFolder("one"), notesFolder("two")];
  writeFileSync(join(one, "early.txt"), "written before they met");
  const first = sync(NODE, one, "pair");
  const [, code = ""] = await says(first, /^code: (\S+)$/m);
  const second = sync(BUN, two, code);
  const [words] = await says(first, /both show: [a-z ]+$/m);
  expect((await says(second, /both show: [a-z ]+$/m))[0]).toBe(words);
  await until("the first note", () => noteIn(two, "early.txt") === "written before they met");

  writeFileSync(join(two, "shopping.txt"), "bread");
  await until("a note of the other", () => noteIn(one, "shopping.txt") === "bread");
  await kill(second);
  writeFileSync(join(one, "shopping.txt"), "bread and a needle-in-clear");
  rmSync(join(one, "early.txt"));
  await says(first, /^deleted: early\.txt$/m);
  await kill(first);
  writeFileSync(join(two, "later.txt"), "written while nobody ran");

  const [firstAgain, secondAgain] = [sync(NODE, one), sync(BUN, two)];
  await until(
    "both are the same again",
    () => {
      const same = noteIn(two, "shopping.txt") === "bread and a needle-in-clear";
      return same && noteIn(two, "early.txt") === undefined && noteIn(one, "later.txt") !== undefined;
    },
    PATIENCE_MS,
  );
  expect(noteIn(one, "later.txt")).toBe("written while nobody ran");
  await Promise.all([kill(firstAgain), kill(secondAgain)]);
  const hub = join(home.path, "hub");
  expect(spawnSync("grep", ["-rlsF", "needle-in-clear", hub], { encoding: "utf8" }).stdout).toBe("");
}, 60_000);

test("a program and an agent pair, and send both ways", async () => {
  const library = (await import(BUILT)) as typeof Library;
  const peer = await library.connect({
    hubUrl,
    webSocket: WebSocket,
    keys: await library.keysOfSecrets(library.makeSecretKeys()),
    nickname: "A program",
  });
  try {
    await peer.ready();
    const { code, done } = await peer.pair();
    const joined: Json = await home.ok(["pair", code]);
    const agent = await done;
    expect(joined).toMatchObject({ peer_name: "a-program", safety: agent.safetyWords });

    const sent = await peer.send(agent.key, {
      file: { name: "../up/report.txt", bytes: new TextEncoder().encode("42") },
    });
    expect((await peer.delivered(sent.id)).state).toBe("delivered");
    const { stdout } = await home.run(["inbox", "--json"]);
    const [item] = stdout
      .trim()
      .split("\n")
      .map((line): Json => JSON.parse(line));
    expect(item).toMatchObject({ from: "a-program", id: sent.id });
    expect(readFileSync(item.file, "utf8")).toBe("42");

    const got = Promise.withResolvers<Library.ReceivedMessage>();
    peer.onMessage(got.resolve);
    await home.ok(["send", "a-program", "hello, program"]);
    expect(await got.promise).toMatchObject({ type: "text", text: "hello, program", from: agent.key });

    await home.ok(["device", "unpair", "a-program"]);
    await until("the program hears of it", async () => (await peer.peers()).length === 0);
    expect(peer.notices()).toEqual([`${agent.petname} has ended the pairing`]);
  } finally {
    peer.close();
  }
}, 60_000);

test("two programs have a live stream between them, sealed", async () => {
  const library = (await import(BUILT)) as typeof Library;
  const device = async (nickname: string) =>
    library.connect({
      hubUrl,
      webSocket: WebSocket,
      keys: await library.keysOfSecrets(library.makeSecretKeys()),
      nickname,
    });
  const [one, two] = await Promise.all([device("one"), device("two")]);
  try {
    await Promise.all([one.ready(), two.ready()]);
    const made = await one.pair();
    const [ofOne] = await Promise.all([made.done, two.join(made.code)]);
    // Both have to be known to the hub as a pair before it joins anything.
    await until("the pair", async () => (await one.peers())[0]?.state === "paired");
    const nobody = { data() {}, drain() {}, end() {}, close() {} };
    const refused = await one.openStream(ofOne.key, nobody).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "unavailable", message: "the other device takes no streams" });

    two.onStream((from, stream) => ({
      data: (bytes) => void stream.write(new TextEncoder().encode(`${from.nickname}: ${bytes.length}`)),
      drain() {},
      end: () => stream.shutdown(),
      close() {},
    }));
    const heard: string[] = [];
    const over = Promise.withResolvers<Error | undefined>();
    const stream = await one.openStream(ofOne.key, {
      data: (bytes) => void heard.push(new TextDecoder().decode(bytes)),
      drain() {},
      end() {},
      close: over.resolve,
    });
    stream.write(new Uint8Array(1000));
    await until("an answer", () => heard.length === 1);
    stream.shutdown();
    expect(await over.promise).toBeUndefined();
    expect(heard).toEqual(["one: 1000"]);

    two.close();
    await until("the hub knows that it left", async () => {
      const problem = await one.openStream(ofOne.key, nobody).catch((error: unknown) => error);
      return problem instanceof library.MusterError && problem.code === "device_offline";
    });
  } finally {
    one.close();
    two.close();
  }
}, 60_000);

test.skipIf(Bun.which("python3") === null)(
  "a client in another language, written from the document, pairs with an agent and sends both ways",
  async () => {
    const program = join(root, "examples", "other-language", "peer.py");
    const making = home.spawn(["pair", "--json"]);
    const { code } = await making.firstJson();
    const python = home.spawn([program, hubUrl, code, "hello from Python"], { program: ["python3", "-B"] });
    await says(python, /^delivered$/m);
    expect(await making.exited).toBe(0);
    const made: Json = JSON.parse(making.stdout.trim().split("\n").at(-1) ?? "");
    expect(made.peer_name).toBe("a-python-program");
    expect(python.stdout).toContain(`both show: ${made.safety}\n`);
    expect((await home.ok(["send", "a-python-program", "hello, Python"])).state).toBe("delivered");
    expect(await python.exited).toBe(0);
    expect(python.stdout).toContain("came: hello, Python\n");
    const { stdout } = await home.run(["inbox", "--json"]);
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ text: "hello from Python" });
  },
  60_000,
);

test("an address that is no hub's, and plain HTTP off this machine, are refused at once", async () => {
  const library = (await import(BUILT)) as typeof Library;
  const keys = await library.keysOfSecrets(library.makeSecretKeys());
  const to = (address: string) =>
    library.connect({ hubUrl: address, webSocket: WebSocket, keys, nickname: "x" }).then(
      () => "none",
      (error: unknown) => (error instanceof library.MusterError ? error.code : String(error)),
    );
  expect(await to("ftp://hub.example")).toBe("invalid");
  expect(await to("http://hub.example")).toBe("hub_insecure");
});
