// Publishing: pages and apps, who may open them, what they are called, and how they end.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { app, APP_FILE, type App, type Echo } from "./app.ts";
import { Home, type StartFacts } from "./harness.ts";
import { until } from "./until.ts";
import { ask, field, text } from "./wire.ts";

let home: Home;
let facts: StartFacts;
let web: App;

beforeAll(async () => {
  home = new Home();
  facts = await home.start();
  web = await app(home);
});
afterAll(() => home[Symbol.asyncDispose]());

const basic = (password: string) => ({ authorization: `Basic ${btoa(`anyone:${password}`)}` });

describe("a page", () => {
  test("of a folder: index, files, ranges, caching, and a 404 of its own", async () => {
    home.write("folder/index.html", "<h1>Index</h1>");
    home.write("folder/a file.txt", "0123456789");
    home.write("folder/style.css", "p { color: red }".repeat(200));
    const { url } = await home.add("folder", "--public");
    const index = await ask(url);
    expect(text(index)).toBe("<h1>Index</h1>");
    expect(field(index, "content-type")).toBe("text/html; charset=utf-8");
    const cached = await ask(url, { headers: { "if-none-match": field(index, "etag") ?? "" } });
    expect(cached.status).toBe(304);
    const part = await ask(`${url}a%20file.txt`, { headers: { range: "bytes=2-4" } });
    expect([part.status, text(part), field(part, "content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
    const beyond = await ask(`${url}a%20file.txt`, { headers: { range: "bytes=99-" } });
    expect(beyond.status).toBe(416);
    const packed = await ask(`${url}style.css`, { headers: { "accept-encoding": "gzip" } });
    expect(field(packed, "content-encoding")).toBe("gzip");
    expect(Buffer.from(Bun.gunzipSync(new Uint8Array(packed.body))).toString()).toStartWith(
      "p { color: red }",
    );
    const head = await ask(`${url}style.css`, { method: "HEAD" });
    expect([head.status, head.length, field(head, "content-length")]).toEqual([200, 0, "3200"]);
    expect((await ask(`${url}nothing`)).status).toBe(404);
    expect((await ask(url, { method: "POST", body: "x" })).status).toBe(405);
  });

  test("is live as its files change", async () => {
    const file = home.write("live/index.html", "before");
    const { url } = await home.add("live", "--public");
    expect(text(await ask(url))).toBe("before");
    await Bun.write(file, "after");
    expect(text(await ask(url))).toBe("after");
  });

  test("of one file shows that file and nothing beside it", async () => {
    const file = home.write("one/report.html", "the report");
    home.write("one/secret.txt", "secret");
    const { url } = await home.add(file, "--public", "--name", "report");
    expect(text(await ask(url))).toContain("the report");
    expect((await ask(`${url}secret.txt`)).status).toBe(404);
  });

  test("never shows dotfiles, and says what is left out", async () => {
    home.write("dots/index.html", "dots");
    home.write("dots/.env", "KEY=1");
    home.write("dots/.git/config", "x");
    const { url, warnings } = await home.add("dots", "--public");
    expect(warnings.join(" ")).toContain(".env");
    for (const path of [".env", ".git/config", "%2eenv", ".git/"])
      expect((await ask(url + path)).status).toBe(404);
  });

  test("with --spa answers unknown paths with its index", async () => {
    home.write("spa/index.html", "the app");
    const { url } = await home.add("spa", "--public", "--spa");
    expect(text(await ask(`${url}some/route`, { headers: { accept: "text/html" } }))).toBe("the app");
  });
});

describe("an app on a port", () => {
  test("gets requests as they are, with what the hub knows of the visitor", async () => {
    const { url, kind } = await home.add(String(web.port), "--public", "--name", "echo");
    expect(kind).toBe("app");
    const echo = JSON.parse(text(await ask(`${url}a/b?c=%20d`, { method: "PUT", body: "hello" }))) as Echo;
    expect(echo).toMatchObject({ method: "PUT", url: "/a/b?c=%20d", body: "hello" });
    expect(echo.rawHeaders).toContain("X-Forwarded-For");
  });

  test("that does not listen yet is added with a warning, and works once it listens", async () => {
    const early = await app(home);
    await early.process.kill();
    const { url, warnings } = await home.add(String(early.port), "--public", "--name", "early");
    expect(warnings.join(" ")).toContain(String(early.port));
    expect((await ask(url)).status).toBe(502);
    await app(home, early.port);
    expect((await ask(`${url}part`)).status).toBe(200);
    await until(
      "a live proof",
      async () => {
        const { shares } = await home.ok(["ls"]);
        const share = shares.find(({ name }: { name: string }) => name === "early");
        return share.state === "running" && share.proof.state === "live";
      },
      15_000,
    );
  });

  test("that is the hub's own or the agent's own port is refused", async () => {
    const { port } = new URL(facts.hub_url);
    expect(await home.refused(["add", port])).toMatchObject({
      exit: 2,
      message: expect.stringContaining(port),
    });
    const agent = (await Bun.file(`${home.path}/agent.json`).json()) as { port: number };
    expect(await home.refused(["add", String(agent.port)])).toMatchObject({ exit: 2 });
  });
});

describe("an app with its command", () => {
  test("runs from add to rm: started, logged, stopped, started again, gone with its process", async () => {
    const { port, process } = await app(home);
    await process.kill();
    const run = `echo hello from the app; APP_PORT=${port} exec node ${APP_FILE}`;
    const before = home.processes().length;
    const { url, name } = await home.add(
      ".",
      "--run",
      run,
      "--port",
      String(port),
      "--name",
      "runs",
      "--public",
    );
    expect((await ask(`${url}part`)).status).toBe(200);
    expect((await home.ok(["logs", name])).lines).toContain("hello from the app");

    await home.ok(["stop", name]);
    const stopped = await ask(url);
    expect([stopped.status, text(stopped)]).toEqual([503, expect.stringContaining("stopped")]);
    expect(await stateOf(name)).toBe("stopped");
    await home.ok(["start", name]);
    expect((await ask(`${url}part`)).status).toBe(200);
    expect(await stateOf(name)).toBe("running");

    await home.ok(["rm", name]);
    await until("the end of its process", () => home.processes().length === before);
  });

  test("that crashes is started again", async () => {
    const { port, process } = await app(home);
    await process.kill();
    const run = `APP_PORT=${port} exec node ${APP_FILE}`;
    const { url, name } = await home.add(
      ".",
      "--run",
      run,
      "--port",
      String(port),
      "--name",
      "crashes",
      "--public",
    );
    expect((await ask(`${url}crash`)).status).toBe(502);
    await until("an answer of the new process", async () => (await ask(`${url}part`)).status === 200, 15_000);
    await home.ok(["rm", name]);
  });

  test("that never listens is rolled back whole: no share, no process, and where to look", async () => {
    const before = home.processes().length;
    const error = await home.refused([
      "add",
      ".",
      "--run",
      "echo no such luck; exit 7",
      "--port",
      "4999",
      "--name",
      "broken",
    ]);
    expect(error).toMatchObject({ exit: 1, code: "app_failed" });
    expect(`${error.message} ${error.hint}`).toContain("log");
    expect(await stateOf("broken")).toBeUndefined();
    await until("the end of its process", () => home.processes().length === before);
  });

  test("follows its log line by line until Ctrl-C", async () => {
    const { port, process } = await app(home);
    await process.kill();
    const run = `(while :; do echo tick; sleep 0.2; done) & APP_PORT=${port} exec node ${APP_FILE}`;
    const { name } = await home.add(".", "--run", run, "--port", String(port), "--name", "ticks", "--public");
    const follow = home.spawn(["logs", name, "-f"]);
    await until("three lines", () => follow.stdout.split("tick").length > 3);
    follow.signal("SIGINT");
    expect(await follow.exited).toBe(130);
    await home.ok(["rm", name]);
  });
});

describe("who may open it", () => {
  let url = "";
  let password = "";

  beforeAll(async () => {
    home.write("closed/index.html", "for those who know");
    const added = await home.add("closed");
    url = added.url;
    password = added.password ?? "";
  });

  test("by default who has the password: by form and cookie, Basic, or a header", async () => {
    const form = await ask(url, { headers: { accept: "text/html" } });
    expect([form.status, field(form, "cache-control")]).toEqual([401, "no-store"]);
    expect(text(form)).not.toContain("for those who know");
    expect(text(await ask(url, { headers: basic(password) }))).toBe("for those who know");
    expect(text(await ask(url, { headers: { "muster-password": password } }))).toBe("for those who know");
    expect((await ask(url, { headers: basic(`${password}x`) })).status).toBe(401);
  });

  test("a form in a browser signs in once for this host", async () => {
    const form = text(await ask(url, { headers: { accept: "text/html" } }));
    const action = /<form[^>]*action="([^"]+)"/.exec(form)?.[1] ?? "";
    const input =
      /<input[^>]*type="password"[^>]*name="([^"]+)"/.exec(form)?.[1] ??
      /<input[^>]*name="([^"]+)"[^>]*type="password"/.exec(form)?.[1];
    const answer = await ask(new URL(action, url).href, {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        origin: new URL(url).origin,
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "navigate",
      },
      body: `${input}=${encodeURIComponent(password)}`,
    });
    expect(answer.status).toBe(303);
    const set = answer.fields.get("set-cookie")?.[0] ?? "";
    expect(set).toMatch(/; HttpOnly/i);
    const cookie = set.split(";")[0] ?? "";
    expect(text(await ask(url, { headers: { cookie } }))).toBe("for those who know");
  });

  test("--public: everyone", async () => {
    const added = await home.add("closed", "--public", "--name", "opened");
    expect(added).not.toHaveProperty("password");
    expect((await ask(added.url)).status).toBe(200);
  });

  test("--password with a word of one's own, which is not printed", async () => {
    const added = await home.add("closed", "--password", "tea for two", "--name", "chosen");
    expect(added).not.toHaveProperty("password");
    expect((await ask(added.url, { headers: basic("tea for two") })).status).toBe(200);
    expect((await ask(added.url, { headers: basic("coffee") })).status).toBe(401);
  });

  test("--password - takes it from standard input", async () => {
    const added = (await home.ok(["add", "closed", "--password", "-", "--name", "piped"], {
      input: "from a pipe\n",
    })) as { url: string };
    expect((await ask(added.url, { headers: basic("from a pipe") })).status).toBe(200);
  });

  test("--expires says when it ends", async () => {
    const added = await home.ok(["add", "closed", "--public", "--expires", "2h", "--name", "passing"]);
    expect(Date.parse(added.expires_at) - Date.now()).toBeWithin(7_100_000, 7_200_001);
  });

  test("an app never sees our credentials, and keeps its own", async () => {
    const added = await home.add(String(web.port), "--password", "ours", "--name", "guarded");
    const headers = { "muster-password": "ours", authorization: "Bearer its-own", cookie: "session=its-own" };
    const echo = text(await ask(`${added.url}echo`, { headers }));
    expect(echo).toContain("Bearer its-own");
    expect(echo).toContain("session=its-own");
    expect(echo).not.toContain("ours");
  });
});

describe("names and ids", () => {
  test("a taken name gets -2 and the reply says so", async () => {
    home.write("twice/index.html", "1");
    home.write("other/twice/index.html", "2");
    const first = await home.add("twice", "--public");
    const second = await home.add("other/twice", "--public");
    expect([first.name, second.name]).toEqual(["twice", "twice-2"]);
    expect(second.warnings.join(" ")).toContain("twice-2");
    expect(text(await ask(second.url))).toBe("2");
  });

  test("a folder's name becomes a host name", async () => {
    home.write("My Site_2024/index.html", "x");
    expect((await home.add("My Site_2024", "--public")).name).toBe("my-site-2024");
  });

  test("reserved names are refused", async () => {
    for (const name of ["www", "muster", "localhost", "a--b", "-a"]) {
      expect((await home.refused(["add", "twice", `--name=${name}`])).exit).toBeGreaterThan(0);
    }
  });

  test("the beginning of an id is enough while only one begins so; else the candidates are named", async () => {
    const { shares } = (await home.ok(["ls"])) as { shares: { id: string; name: string }[] };
    const ids = shares.map(({ id }) => id);
    const first = ids
      .map((id) => id[0] ?? "")
      .find((letter, _, all) => all.filter((other) => other === letter).length > 1);
    // Among this many shares two begin with one letter all but always; else there is nothing ambiguous.
    if (first !== undefined) {
      const error = await home.refused(["rm", first]);
      expect(error).toMatchObject({ exit: 1, code: "ambiguous" });
      for (const id of ids.filter((id) => id.startsWith(first)))
        expect(`${error.message} ${error.hint}`).toContain(id);
    }
    const { id, url } = await home.add("twice", "--public", "--name", "by-id");
    await home.ok(["rm", id.slice(0, 8)]);
    expect((await ask(url)).status).toBe(404);
  });
});

describe("contradictions name both sides", () => {
  test.each([
    [
      ["--public", "--password", "x"],
      ["--public", "--password"],
    ],
    [
      ["--public", "--login"],
      ["--public", "--login"],
    ],
    [
      ["--login", "--password", "x"],
      ["--login", "--password"],
    ],
    [
      ["--run", "x"],
      ["--run", "--port"],
    ],
    [
      ["--port", "3000"],
      ["--port", "--run"],
    ],
    [["--rewrite-host"], ["--rewrite-host"]],
  ])("add . %j", async (flags, named) => {
    const error = await home.refused(["add", ".", ...flags]);
    expect(error.exit).toBe(2);
    for (const flag of named) expect(error.message).toContain(flag);
  });
});

async function stateOf(name: string): Promise<string | undefined> {
  const { shares } = (await home.ok(["ls"])) as { shares: { name: string; state: string }[] };
  return shares.find((share) => share.name === name)?.state;
}
