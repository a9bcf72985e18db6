import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MusterError } from "../protocol/errors.ts";
import { runCli } from "./run-cli.ts";
import type { StartOptions } from "./surroundings.ts";
import { AGENT_PID } from "./testing/fake-agent.ts";
import { fakeSurroundings, HOME, type FakeSurroundings } from "./testing/fake-surroundings.ts";

describe("interrupts", () => {
  test("Ctrl-C during a call ends with 130 and says nothing", async () => {
    const surroundings = fakeSurroundings();
    hangOn(surroundings, "add");
    const exitCode = runCli(["add", "3000"], surroundings);
    await until(() => surroundings.stderr.text.includes("Publishing"));
    surroundings.interrupt();
    expect(await exitCode).toBe(130);
    expect(surroundings.stderr.text).toBe("Publishing ...\n");
    expect(surroundings.stdout.text).toBe("");
  });

  test("SIGTERM during a call ends with 143", async () => {
    const surroundings = fakeSurroundings();
    hangOn(surroundings, "add");
    const exitCode = runCli(["add", "3000"], surroundings);
    await until(() => surroundings.stderr.text.includes("Publishing"));
    surroundings.interrupt("SIGTERM");
    expect(await exitCode).toBe(143);
  });

  test("a prompt that never answers does not hold Ctrl-C back", async () => {
    const surroundings = fakeSurroundings();
    surroundings.stdin.isTerminal = true;
    let asked = false;
    surroundings.stdin.readSecret = () => {
      asked = true;
      return new Promise(() => undefined);
    };
    const exitCode = runCli(["add", "3000", "--password"], surroundings);
    await until(() => asked);
    surroundings.interrupt();
    expect(await exitCode).toBe(130);
  });

  test("waiting for a VPS to join ends at Ctrl-C", async () => {
    const surroundings = fakeSurroundings();
    surroundings.stdin.isTerminal = true;
    surroundings.typed.push("vps");
    const exitCode = runCli(["init"], surroundings);
    await until(() => surroundings.stderr.text.includes("Waiting"));
    surroundings.interrupt();
    expect(await exitCode).toBe(130);
    expect(surroundings.stderr.text).toBe("Waiting for it to join ...\n");
    expect(surroundings.ran).toEqual([]);
  });

  test("a program in the foreground is told to end, and SIGTERM is then a success", async () => {
    const surroundings = fakeSurroundings();
    const exitCode = runCli(["agent"], surroundings);
    await until(() => surroundings.stdout.text !== "");
    surroundings.interrupt("SIGTERM");
    expect(await exitCode).toBe(0);
  });

  test("a program that does not end when told is left after its grace, or at a second Ctrl-C", async () => {
    for (const interrupts of [1, 2]) {
      const surroundings = fakeSurroundings();
      let running = false;
      surroundings.runAgent = () => {
        running = true;
        return new Promise(() => undefined);
      };
      const exitCode = runCli(["agent"], surroundings);
      await until(() => running);
      for (let count = 0; count < interrupts; count++) surroundings.interrupt();
      expect(await exitCode).toBe(130);
    }
  });

  test("Ctrl-C while the agent starts ends the started process too", async () => {
    const surroundings = fakeSurroundings();
    surroundings.agent.running = false;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    let stopped = false;
    surroundings.spawnSelf = () => ({
      pid: AGENT_PID,
      exited: promise,
      stop: () => {
        stopped = true;
        resolve(null);
      },
    });
    const exitCode = runCli(["start"], surroundings);
    await until(() => surroundings.stderr.text.includes("Starting"));
    surroundings.interrupt();
    expect(await exitCode).toBe(130);
    expect(stopped).toBe(true);
  });
});

describe("starting", () => {
  test("what the started process wrote last is the error", async () => {
    const surroundings = fakeSurroundings();
    surroundings.agent.running = false;
    const log = `${HOME}/logs/agent.log`;
    surroundings.files.set(log, "muster: error: an older failure\n");
    surroundings.spawnSelf = () => {
      const lines = "muster: error: port 8080 is taken\nmuster: hint: say --port 0\n";
      surroundings.files.set(log, `${surroundings.files.get(log) ?? ""}${lines}`);
      return { pid: 1, exited: Promise.resolve(1), stop: () => undefined };
    };
    expect(await runCli(["start", "--json"], surroundings)).toBe(1);
    expect(JSON.parse(surroundings.stderr.text)).toEqual({
      error: { code: "port_taken", message: "could not start: port 8080 is taken", hint: "say --port 0" },
    });
  });

  test("a process that ends without a word points to its log", async () => {
    const surroundings = fakeSurroundings();
    surroundings.agent.running = false;
    surroundings.spawnSelf = () => ({ pid: 1, exited: Promise.resolve(1), stop: () => undefined });
    expect(await runCli(["start"], surroundings)).toBe(1);
    expect(surroundings.stderr.text).toContain("the agent ended before it was reachable");
    expect(surroundings.stderr.text).toContain(`see ${HOME}/logs/agent.log`);
  });

  test("one that never answers is given up and ended", async () => {
    const surroundings = fakeSurroundings();
    surroundings.agent.running = false;
    let stopped = false;
    surroundings.spawnSelf = () => ({
      pid: 1,
      exited: new Promise(() => undefined),
      stop: () => {
        stopped = true;
      },
    });
    expect(await runCli(["start"], surroundings)).toBe(1);
    expect(surroundings.stderr.text).toContain("did not answer within 30 s");
    expect(stopped).toBe(true);
  });

  test("a hub elsewhere that is away is a warning, its own hub that is away an error", async () => {
    for (const embedded of [false, true]) {
      const surroundings = fakeSurroundings();
      surroundings.agent.running = false;
      surroundings.agent.hub = {
        ...surroundings.agent.hub,
        url: "https://m.example.com",
        state: "connecting",
      };
      const file = JSON.parse(surroundings.files.get(`${HOME}/hub.json`) ?? "{}");
      surroundings.files.set(`${HOME}/hub.json`, JSON.stringify({ ...file, embedded }));
      expect(await runCli(["start"], surroundings)).toBe(embedded ? 1 : 0);
      expect(surroundings.stderr.text).toContain("the hub https://m.example.com can't be reached yet");
    }
  });

  test("a hub that the network reaches is named by its address there, and is not called local", async () => {
    const surroundings = fakeSurroundings();
    const file = JSON.parse(surroundings.files.get(`${HOME}/hub.json`) ?? "{}");
    const lan_url = "http://192.168.1.50:8080";
    surroundings.files.set(`${HOME}/hub.json`, JSON.stringify({ ...file, lan_url }));
    expect(await runCli(["start"], surroundings)).toBe(0);
    expect(surroundings.stdout.text).toStartWith(`Running already: ${lan_url}\n`);
    expect(await runCli(["status"], surroundings)).toBe(0);
    expect(surroundings.stdout.text).toContain(`Server: ${lan_url} (running)\n`);
    expect(await runCli(["start", "--json"], surroundings)).toBe(0);
    expect(surroundings.stdout.text).toContain('{"hub_url":"http://localhost:8080",');
  });

  test("an empty name stands for no share, app or device", async () => {
    for (const argv of [
      ["rm", ""],
      ["logs", " "],
      ["start", ""],
      ["stop", ""],
      ["shell", ""],
      ["run", "--device", "", "--", "id"],
      ["device", "show", ""],
      ["device", "remove", "", "--yes"],
      ["send", "", "hello"],
      ["forward", " "],
      ["pair", "--name", " "],
      ["device", "petname", "", "phone"],
      ["device", "petname", "phone", ""],
      ["device", "verified", " "],
      ["device", "unpair", ""],
    ]) {
      const surroundings = fakeSurroundings();
      expect([argv, await runCli(argv, surroundings)]).toEqual([argv, 2]);
      expect(surroundings.stderr.text).toContain("must not be empty");
      expect(surroundings.stderr.text).toContain("muster: hint: ");
    }
  });

  test("a name with line breaks or control characters is refused, and not shown as it is", async () => {
    for (const argv of [
      ["send", "pho\nne", "hello"],
      ["device", "petname", "phone", "a\u001b[2Jb"],
      ["device", "unpair", "\u202ephone"],
      ["forward", "pi\u0007/web"],
      ["pair", "--name", "x".repeat(65)],
    ]) {
      const surroundings = fakeSurroundings();
      expect([argv, await runCli(argv, surroundings)]).toEqual([argv, 2]);
      for (const odd of "\u0007\u001b\u202e") expect(surroundings.stderr.text).not.toContain(odd);
      expect(surroundings.stderr.text).toContain("It must");
    }
  });

  test("the flags reach the background process and the program", async () => {
    const surroundings = fakeSurroundings();
    surroundings.agent.running = false;
    surroundings.environment["PORT"] = "9001";
    expect(await runCli(["start", "--host", "0.0.0.0", "--no-tunnel"], surroundings)).toBe(0);
    const args = ["start", "--foreground", "--port", "9001", "--host", "0.0.0.0", "--no-tunnel"];
    expect(surroundings.ran).toEqual([{ name: "spawnSelf", options: { args } }]);

    const inside = fakeSurroundings();
    inside.agent.running = false;
    inside.runStart = async (options: StartOptions) =>
      void inside.ran.push({ name: "runStart", options: { ...options } });
    expect(await runCli(args, inside)).toBe(0);
    expect(inside.ran[0]?.options).toMatchObject({ home: HOME, port: 9001, host: "0.0.0.0", tunnel: false });
  });

  test("`muster hub` resolves its files and prints its first line at once", async () => {
    const surroundings = fakeSurroundings();
    const argv = [
      "hub",
      "--json",
      "--port",
      "0",
      "--domain",
      "Example.com",
      "--cert",
      "c.pem",
      "--key",
      "/k.pem",
    ];
    const exitCode = runCli(argv, surroundings);
    await until(() => surroundings.stdout.text !== "");
    expect(Object.keys(JSON.parse(surroundings.stdout.text))).toEqual(["hub_url", "login_url"]);
    expect(surroundings.ran[0]?.options).toEqual({
      home: HOME,
      port: 0,
      domain: "example.com",
      tls: { cert: "/home/ada/c.pem", key: "/k.pem" },
      insecure: false,
    });
    surroundings.interrupt();
    expect(await exitCode).toBe(130);
  });
});

describe("failures", () => {
  test("an unforeseen one is `internal error`; its stack is shown with MUSTER_LOG=debug alone", async () => {
    for (const setting of [undefined, "info", "debug", "trunk=info,cli=debug"]) {
      const surroundings = fakeSurroundings();
      surroundings.environment["MUSTER_LOG"] = setting;
      surroundings.join = () => Promise.reject(new TypeError("x is not a function"));
      const token = `mst1_${"A".repeat(70)}`;
      expect(await runCli(["init", "https://m.example.com", "--token", token], surroundings)).toBe(1);
      expect(surroundings.stderr.text).toContain("muster: error: internal error\nmuster: hint: ");
      expect(surroundings.stderr.text.includes("    at ")).toBe(setting?.includes("debug") ?? false);
    }
  });

  test("a refusal of the hub keeps its code, message and hint, without control sequences", async () => {
    const surroundings = fakeSurroundings();
    const error = new MusterError("token_invalid", "this token\u001b[2J is spent", {
      hint: "make\na new one",
    });
    surroundings.join = () => Promise.reject(error);
    const token = `mst1_${"A".repeat(70)}`;
    expect(await runCli(["init", "https://m.example.com", "--token", token], surroundings)).toBe(1);
    const lines = "muster: error: this token is spent\nmuster: hint: make a new one\n";
    expect(surroundings.stderr.text).toBe(`Joining https://m.example.com ...\n${lines}`);
  });

  test("without MUSTER_HOME and HOME nothing is guessed", async () => {
    const surroundings = fakeSurroundings();
    surroundings.environment["HOME"] = undefined;
    expect(await runCli(["status"], surroundings)).toBe(2);
    expect(surroundings.stderr.text).toContain("neither MUSTER_HOME nor HOME is set");
    expect(await runCli(["completion", "bash"], surroundings)).toBe(0);
  });

  test("a relative MUSTER_HOME is taken from the working folder", async () => {
    const surroundings = fakeSurroundings();
    surroundings.environment["MUSTER_HOME"] = ".muster";
    expect(await runCli(["status"], surroundings)).toBe(0);
    expect(surroundings.stdout.text).toStartWith("All is well");
  });
});

test("help and errors load the parser and nothing else", () => {
  const packages = staticPackages(join(import.meta.dir, "run-cli.ts"));
  expect([...packages].sort()).toEqual(["@commander-js/extra-typings", "node:path", "node:util"]);
});

/** The packages that a file and all it imports load before anything runs. */
function staticPackages(file: string, seen = new Set<string>(), packages = new Set<string>()): Set<string> {
  if (seen.has(file)) return packages;
  seen.add(file);
  const source = readFileSync(file, "utf8");
  for (const [, what = "", from = ""] of source.matchAll(/^(?:import|export) ([^;]*?) from "([^"]+)";/gms)) {
    if (what.startsWith("type ")) continue;
    if (from.startsWith(".")) staticPackages(join(dirname(file), from), seen, packages);
    else packages.add(from);
  }
  return packages;
}

/** The call never answers by itself; it ends with its signal, as a real one does. */
function hangOn(surroundings: FakeSurroundings, name: string): void {
  const { fetch } = surroundings;
  surroundings.fetch = (url, init) => {
    if (!url.endsWith(`/api/${name}`)) return fetch(url, init);
    const { promise, reject } = Promise.withResolvers<Response>();
    init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    return promise;
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
