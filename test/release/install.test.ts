// install.sh in the shells that machines have, against a hub of every sort.
import { describe, expect, test } from "bun:test";
import { copyFileSync, lstatSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Authority, hasOpenssl } from "../../src/world/certificates.fixture.ts";
import { answerOf, fakeHub, ok, programOf } from "./fake-hub.ts";
import { Machine } from "./machine.ts";

const TOKEN = `mst1_${"A".repeat(70)}`;
const INSTALLED = [".local/bin/muster", ".muster/bin/muster"];
const BASE_WITHOUT_HASHER =
  "cat chmod cmp curl cut getconf head id ln mkdir mktemp mv printf rm tr uname".split(" ");

const SHELLS: Record<string, string[]> = {
  sh: ["sh"],
  dash: ["dash"],
  bash: ["bash"],
  "bash --posix": ["bash", "--posix"],
  busybox: ["busybox", "sh"],
  mksh: ["mksh"],
};

for (const [name, shell] of Object.entries(SHELLS)) {
  const there = Bun.which(shell[0] ?? "") !== null;
  describe.skipIf(!there)(`install.sh in ${name}${there ? "" : " (not installed here)"}`, () => {
    test("puts a checked program in place, and joins with the token where nobody sees it", async () => {
      await using hub = await fakeHub();
      using machine = new Machine();
      const ran = await machine.run(hub.script, { shell, args: [TOKEN, "--name", "a pi", "--no-service"] });
      expect(ran).toMatchObject({ code: 0, err: "" });
      expect(machine.files()).toEqual([...INSTALLED, ".muster/bin/muster.typed", ".muster/bin/muster.words"]);
      expect(machine.read(".muster/bin/muster")).toBe(hub.program);
      expect(statSync(machine.program).mode & 0o777).toBe(0o755);
      expect(statSync(join(machine.home, ".muster")).mode & 0o777).toBe(0o700);
      expect(readlinkSync(join(machine.home, ".local/bin/muster"))).toBe(machine.program);
      expect(machine.read(".muster/bin/muster.words")).toBe(
        `init ${hub.url} --token - --yes --name a pi --no-service\n`,
      );
      expect(machine.read(".muster/bin/muster.typed")).toBe(`${TOKEN}\n`);
    });

    test("without a token it installs, and says how to join", async () => {
      await using hub = await fakeHub();
      using machine = new Machine();
      const ran = await machine.run(hub.script, { shell });
      expect([ran.code, ran.out]).toEqual([0, expect.stringContaining(`init ${hub.url}`)]);
      expect(machine.files()).toEqual(INSTALLED);
    });

    test("twice in a row changes nothing, and a newer program is an upgrade", async () => {
      await using hub = await fakeHub();
      using machine = new Machine();
      await machine.run(hub.script, { shell });
      const first = statSync(machine.program);
      hub.asked.length = 0;
      const again = await machine.run(hub.script, { shell });
      expect([again.code, again.out]).toEqual([0, expect.stringContaining("is up to date")]);
      expect(statSync(machine.program).ino).toBe(first.ino);
      expect(hub.asked.filter((path) => !path.endsWith(".sha256"))).toEqual([]);
      hub.program = programOf("1.1.0");
      const newer = await machine.run(hub.script, { shell });
      expect([newer.code, newer.out]).toEqual([0, expect.stringContaining("Installed muster 1.1.0")]);
      expect(machine.read(".muster/bin/muster")).toBe(hub.program);
    });

    test("a download that was cut at any byte installs nothing", async () => {
      await using hub = await fakeHub();
      using machine = new Machine();
      const path = machine.path();
      // Each shell takes its own share of the places; together they are all of them.
      const at = Object.keys(SHELLS).indexOf(name);
      for (let length = at; length < hub.program.length; length += Object.keys(SHELLS).length) {
        hub.tamper = (asked, answer) =>
          asked.endsWith(".sha256")
            ? undefined
            : answer.slice(0, answer.length - hub.program.length + length);
        const ran = await machine.run(hub.script, { shell, args: [TOKEN], path });
        expect([length, ran.code, machine.files()]).toEqual([length, 1, []]);
      }
    });

    test("a script that was cut does nothing", async () => {
      await using hub = await fakeHub();
      using machine = new Machine();
      const path = machine.path();
      const { script } = hub;
      const end = script.trimEnd().length;
      const places = [...Array(12).keys()].map((part) => Math.floor((end * part) / 12));
      for (const length of [...places, ...[...Array(16).keys()].map((back) => end - 1 - back)]) {
        await machine.run(script.slice(0, length), { shell, args: [TOKEN], path });
        expect([length, machine.files(), hub.asked]).toEqual([length, [], []]);
      }
    });
  });
}

describe("install.sh", () => {
  test("takes the token from the environment or a file, and a file without a line break", async () => {
    await using hub = await fakeHub();
    for (const [args, environment] of [
      [[], { TOKEN }],
      [["--token-file", "token"], {}],
      [["--token-file", "token"], { TOKEN: "mst1_other" }],
      [["--token", TOKEN], {}],
    ] as const) {
      using machine = new Machine();
      writeFileSync(join(machine.folder, "token"), TOKEN);
      expect(await machine.run(hub.script, { args, environment })).toMatchObject({ code: 0, err: "" });
      expect(machine.read(".muster/bin/muster.typed")).toBe(`${TOKEN}\n`);
    }
  });

  for (const fetcher of ["curl", "wget"]) {
    const there = hasOpenssl && Bun.which(fetcher) !== null;
    test.skipIf(!there)(
      `takes a hub behind an authority of one's own, by ${fetcher}, once told of it`,
      async () => {
        using authority = new Authority();
        await using hub = await fakeHub(undefined, authority.issue("hub", ["127.0.0.1"]));
        using machine = new Machine();
        const path = machine.path([
          ...BASE_WITHOUT_HASHER.filter((tool) => tool !== "curl"),
          "sha256sum",
          fetcher,
        ]);
        const stranger = await machine.run(hub.script, { args: [TOKEN], path });
        expect([stranger.code, stranger.err]).toEqual([1, expect.stringContaining("--ca FILE")]);
        expect([machine.files(), hub.asked]).toEqual([[], []]);
        const ca = join(machine.folder, "our authority.pem");
        copyFileSync(authority.ca, ca);
        const gone = await machine.run(hub.script, { args: [TOKEN, "--ca", "gone.pem"], path });
        expect([gone.code, gone.err]).toEqual([1, expect.stringContaining("gone.pem")]);
        const ran = await machine.run(hub.script, { args: [TOKEN, "--ca", ca], path });
        expect(ran).toMatchObject({ code: 0, err: "" });
        expect(machine.read(".muster/bin/muster.words")).toBe(`init ${hub.url} --token - --yes --ca ${ca}\n`);
      },
    );
  }

  test("refuses what is no token, no option or no hub, with exit code 2 and nothing done", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    for (const args of [
      ["token"],
      ["mst1_$(id)"],
      ["--tokn", TOKEN],
      ["--token"],
      ["--hub", "muster.example.com"],
      ["--hub", "https://a/b"],
      ["--hub", "https://a'b"],
      ["--hub", ""],
    ]) {
      expect([args, (await machine.run(hub.script, { args })).code]).toEqual([args, 2]);
    }
    expect([machine.files(), hub.asked]).toEqual([[], []]);
  });

  test("speaks plain http to this machine alone, unless told to", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    for (const host of [
      "192.0.2.1",
      "muster.example.com",
      "127.0.0.1.example.com",
      "localhost.example.com",
    ]) {
      const ran = await machine.run(hub.script, { args: ["--hub", `http://${host}:1`] });
      expect([host, ran.code, ran.err]).toEqual([host, 1, expect.stringContaining("is plain http")]);
    }
    const accepted = await machine.run(hub.script, { args: [TOKEN, "--insecure"] });
    expect(accepted.code).toBe(0);
    expect(machine.read(".muster/bin/muster.words")).toContain("--insecure");
  });

  const SYSTEMS: Record<string, [string, string, string]> = {
    "a 32-bit Raspberry Pi": ["Linux", "armv7l", "No build for linux-armv7 yet (needs 64-bit)"],
    "an older Raspberry Pi": ["Linux", "armv6l", "Unsupported Linux architecture: armv6l"],
    "a 32-bit PC": ["Linux", "i686", "Unsupported Linux architecture: i686"],
    "an old Mac": ["Darwin", "ppc", "Unsupported Mac architecture: ppc"],
    FreeBSD: ["FreeBSD", "amd64", "Unsupported OS: FreeBSD"],
    Windows: ["MINGW64_NT-10.0", "x86_64", "Unsupported OS: MINGW64_NT-10.0"],
  };
  for (const [what, [system, cpu, message]] of Object.entries(SYSTEMS)) {
    test(`says at once that there is nothing for ${what}`, async () => {
      await using hub = await fakeHub();
      using machine = new Machine();
      const ran = await machine.run(hub.script, { args: [TOKEN], path: machine.uname(system, cpu) });
      expect(ran).toEqual({ code: 1, out: "", err: `${message}\n` });
      expect([machine.files(), hub.asked]).toEqual([[], []]);
    });
  }

  test("asks for each system's own program", async () => {
    await using hub = await fakeHub();
    for (const [system, cpu, platform] of [
      ["Linux", "x86_64", "linux-x86_64"],
      ["Linux", "aarch64", "linux-arm64"],
      ["Darwin", "x86_64", "darwin-x86_64"],
      ["Darwin", "arm64", "darwin-arm64"],
    ] as const) {
      using machine = new Machine();
      hub.asked.length = 0;
      expect((await machine.run(hub.script, { path: machine.uname(system, cpu) })).code).toBe(0);
      expect(hub.asked).toEqual([`/download/${platform}.sha256`, `/download/${platform}`]);
    }
  });

  test("on a guest network it says that a web page answered", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    const page = "<!doctype html><title>Welcome, please sign in</title>\n";
    for (const [answer, says] of [
      [ok(page), "it sent a web page"],
      [answerOf("302 Found", "", "Location: http://192.0.2.1/login\r\n"), "no checksum"],
      [answerOf("302 Found", page, "Location: http://192.0.2.1/login\r\n"), "it sent a web page"],
      [answerOf("511 Network Authentication Required", page), "can't get the program"],
      [ok(""), "no checksum"],
      [ok("0123abcd\n"), "no checksum"],
      [ok(`${"z".repeat(64)}\n`), "no checksum"],
      [answerOf("404 Not Found", "{}"), "can't get the program"],
    ] as const) {
      hub.tamper = () => answer;
      const ran = await machine.run(hub.script, { args: [TOKEN] });
      expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(says)]);
      expect(machine.files()).toEqual([]);
    }
  });

  test("installs nothing whose SHA-256 is not the announced one", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    hub.tamper = (path) => (path.endsWith(".sha256") ? undefined : ok(programOf("6.6.6")));
    const ran = await machine.run(hub.script, { args: [TOKEN] });
    expect([ran.code, ran.err]).toEqual([
      1,
      expect.stringContaining("is not the program that the hub announced"),
    ]);
    expect(machine.files()).toEqual([]);
  });

  test("keeps the program that is there when the new one does not run", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    await machine.run(hub.script);
    hub.program = "#!/bin/sh\nprintf 'no such \\033[31mlibc\\n' >&2\nexit 1\n";
    const ran = await machine.run(hub.script);
    expect([ran.code, ran.err]).toEqual([
      1,
      expect.stringContaining("does not run on this system: no such [31mlibc"),
    ]);
    expect(machine.read(".muster/bin/muster")).toBe(programOf("1.0.0"));
    expect(machine.files()).toEqual(INSTALLED);
  });

  test("says so when the hub is away", async () => {
    let script = "";
    {
      await using hub = await fakeHub();
      script = hub.script;
    }
    using machine = new Machine();
    const ran = await machine.run(script, { args: [TOKEN] });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("can't get the program")]);
    expect(machine.files()).toEqual([]);
  });

  for (const hasher of ["sha256sum", "shasum", "openssl"]) {
    test.skipIf(Bun.which(hasher) === null)(`checks with ${hasher} where that is what there is`, async () => {
      await using hub = await fakeHub();
      using machine = new Machine();
      const path = machine.path([...BASE_WITHOUT_HASHER, hasher, "perl"]);
      expect(await machine.run(hub.script, { path })).toMatchObject({ code: 0, err: "" });
      hub.program = programOf("1.1.0");
      hub.tamper = (asked) => (asked.endsWith(".sha256") ? undefined : ok(programOf("6.6.6")));
      expect((await machine.run(hub.script, { path })).code).toBe(1);
      expect(machine.read(".muster/bin/muster")).toBe(programOf("1.0.0"));
    });
  }

  test("without anything that downloads or checks it stops before it begins", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    const unchecked = await machine.run(hub.script, { path: machine.without("sha256sum") });
    expect([unchecked.code, unchecked.err]).toEqual([1, expect.stringContaining("can check a SHA-256")]);
    const alone = await machine.run(hub.script, { path: machine.without("curl") });
    expect([alone.code, alone.err]).toEqual([1, expect.stringContaining("neither curl nor wget")]);
    expect([machine.files(), hub.asked]).toEqual([[], []]);
  });

  const WGETS: Record<string, string[]> = { wget: ["wget"], busybox: ["busybox", "wget"] };
  for (const [name, [program = ""]] of Object.entries(WGETS)) {
    test.skipIf(Bun.which(program) === null)(
      `downloads with the wget of ${name}, and refuses what was cut`,
      async () => {
        await using hub = await fakeHub();
        using machine = new Machine();
        const path = machine.without("curl");
        const real = Bun.which(program) ?? "";
        const call = name === "busybox" ? `${real} wget` : real;
        writeFileSync(join(path, "wget"), `#!/bin/sh\nexec ${call} "$@"\n`, { mode: 0o755 });
        hub.tamper = (asked, answer) => (asked.endsWith(".sha256") ? undefined : answer.slice(0, -20));
        expect((await machine.run(hub.script, { path })).code).toBe(1);
        expect(machine.files()).toEqual([]);
        hub.tamper = undefined;
        expect((await machine.run(hub.script, { path })).code).toBe(0);
        expect(machine.files()).toEqual(INSTALLED);
        if (name === "busybox") {
          const ran = await machine.run(hub.script, { path, args: ["--hub", "https://muster.example.com"] });
          expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("impostor")]);
        }
      },
    );
  }

  test("a home that can't be written to is named, and who can't", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    writeFileSync(join(machine.home, "file"), "");
    const home = join(machine.home, "file/home");
    const ran = await machine.run(hub.script, {
      environment: { HOME: home, MUSTER_HOME: `${home}/.muster` },
    });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(`can't write to ${home}/.muster`)]);
    expect(hub.asked).toEqual([]);
    const lost = await machine.run(hub.script, { environment: { HOME: "" } });
    expect([lost.code, lost.err]).toEqual([1, expect.stringContaining("HOME is not set")]);
  });

  const asNobody = process.getuid?.() === 0 && Bun.which("setpriv") !== null;
  test.skipIf(!asNobody)("another user's home is left as it is (needs root and setpriv)", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    const shell = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh"];
    const ran = await machine.run(hub.script, { shell, args: [TOKEN] });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("can't write to")]);
    expect(machine.files()).toEqual([]);
  });

  test("leaves another program of that name alone", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    await machine.run(hub.script);
    const link = join(machine.home, ".local/bin/muster");
    await Bun.file(link).delete();
    writeFileSync(link, "something else", { mode: 0o755 });
    const ran = await machine.run(hub.script);
    expect([ran.code, ran.out]).toEqual([0, expect.stringContaining("was left alone")]);
    expect([lstatSync(link).isSymbolicLink(), readFileSync(link, "utf8")]).toEqual([false, "something else"]);
  });

  test("on a machine that has joined, a newer program starts the service anew", async () => {
    await using hub = await fakeHub();
    using machine = new Machine();
    await machine.run(hub.script);
    writeFileSync(join(machine.home, ".muster/hub.json"), JSON.stringify({ hub_url: hub.url }, null, 2));
    const same = await machine.run(hub.script);
    expect([same.code, same.out]).toEqual([0, expect.stringContaining("has joined")]);
    expect(machine.files()).toEqual([...INSTALLED, ".muster/hub.json"]);
    hub.program = programOf("1.1.0");
    const newer = await machine.run(hub.script, { args: [TOKEN] });
    expect([newer.code, newer.err]).toEqual([0, ""]);
    expect(machine.read(".muster/bin/muster.words")).toBe(`init ${hub.url} --token - --yes\n`);
    expect(machine.read(".muster/bin/muster.service")).toBe("service restart\n");
  });
});
