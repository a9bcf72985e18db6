// A hub behind a real Caddy, with the Caddyfile as it is: each name gets its certificate when it is first asked
// for, and only a name that is the hub's. Devices, people and sockets come through.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Home, PROGRAM, Running } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";
import { Machine } from "./machine.ts";
import { FIRST, Releases } from "./releases.ts";
import { machineProblem } from "./root.ts";

const problem = machineProblem() ?? (Bun.which("caddy") === null ? "needs caddy" : undefined);
const SLOW_MS = 120_000;
const DOMAIN = "muster.test";
const CADDYFILE = resolve(import.meta.dir, "../../Caddyfile");

const title = `a hub behind Caddy${problem === undefined ? "" : ` (${problem})`}`;
describe.skipIf(problem !== undefined)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-caddy-"));
  let releases: Releases;
  let machine: Machine;
  let owner: Home;
  let caddy: Home;
  beforeAll(async () => {
    releases = await Releases.make([FIRST]);
    const names = ["box", "muster", "site", "nobody"].map((name) => `${name}.${DOMAIN}`);
    machine = await Machine.boot([DOMAIN, ...names]);
    owner = new Home(machine.beside(["setpriv", "--pdeathsig", "KILL", PROGRAM]));
    await owner.spawn(["hub", "--json", "--domain", DOMAIN, "--behind-proxy"]).firstJson();
    await releases.put(owner.path, FIRST);
    // What the file says, with an authority of its own instead of the world's.
    const own = "{\n\tlocal_certs\n\tskip_install_trust\n\tadmin off\n";
    const text = (await Bun.file(CADDYFILE).text()).replace(/^\{\n/m, own);
    await Bun.write(join(folder, "Caddyfile"), text);
    caddy = new Home(machine.beside(["setpriv", "--pdeathsig", "KILL", "caddy"]));
    const ran: Running = caddy.spawn(["run", "--config", "Caddyfile", "--adapter", "caddyfile"], {
      cwd: folder,
      env: { XDG_DATA_HOME: join(folder, "data"), XDG_CONFIG_HOME: join(folder, "config") },
    });
    await until("Caddy", () => {
      if (ran.process.exitCode !== null) throw new Error(ran.stderr);
      return ran.stderr.includes("serving initial configuration");
    });
    const authority = Bun.file(join(folder, "data/caddy/pki/authorities/local/root.crt"));
    await until("Caddy's authority", () => authority.exists());
    const trusted = "/usr/local/share/ca-certificates/test.crt";
    await machine.ok(
      `cat >${trusted} <<'END'\n${await authority.text()}\nEND\nupdate-ca-certificates >/dev/null 2>&1`,
    );
  }, SLOW_MS);
  afterAll(async () => {
    await caddy?.[Symbol.asyncDispose]();
    await owner?.[Symbol.asyncDispose]();
    await machine?.[Symbol.asyncDispose]();
    await releases?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }, SLOW_MS);

  test("is reached under its own name, with a certificate that was not there before", async () => {
    expect(await machine.ok(`curl -fsS https://${DOMAIN}/health`)).toContain("healthy");
    expect(await machine.ok(`curl -fsS https://muster.${DOMAIN}/`)).toContain("<!doctype html>");
  });

  test("gets no certificate for a name that leads nowhere, and tells nobody from outside which names do", async () => {
    const nobody = await machine.run(`curl -sS https://nobody.${DOMAIN}/`);
    expect([nobody.code, nobody.err]).toEqual([35, expect.stringContaining("alert")]);
    const asked = `curl -s -o /dev/null -w '%{http_code}' 'https://${DOMAIN}/api/tls/ask?domain=${DOMAIN}'`;
    expect(await machine.ok(asked)).toBe("403");
  });

  test("sends plain http to https", async () => {
    const asked = `curl -s -o /dev/null -w '%{http_code} %{redirect_url}' http://${DOMAIN}/health`;
    expect(await machine.ok(asked)).toBe(`308 https://${DOMAIN}/health`);
  });

  test("installs and joins a machine, whose trunk and shares come through", async () => {
    const { token, install } = await owner.ok(["device", "token"]);
    expect(install).toBe(`curl -fsSL https://${DOMAIN}/install.sh | sh -s -- ${token}`);
    await machine.ok(`curl -fsSL https://${DOMAIN}/install.sh | sh`);
    const joined = await machine.json(
      `muster init https://${DOMAIN} --token ${token} --name box --ca /etc/ssl/certs/ca-certificates.crt --yes --json`,
    );
    expect(joined).toMatchObject({ name: "box", url: `https://box.${DOMAIN}/` });
    const share = await machine.json(
      "mkdir /srv/site && echo through Caddy >/srv/site/index.html && muster add /srv/site --public --json",
    );
    expect(share.url).toBe(`https://site.${DOMAIN}/`);
    await until("the share", async () => {
      const { out } = await machine.run(`curl -fsS -m 5 ${share.url}`);
      return out === "through Caddy\n";
    });
    await until("a live proof", async () => {
      const { shares } = await machine.json("muster status --json");
      return shares[0].proof.state === "live";
    });
  });

  test("passes a WebSocket through", async () => {
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    const { out } = await machine.run(
      `curl -s -i -N -m 3 --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: ${key}' https://${DOMAIN}/ws`,
    );
    expect(out).toMatch(/^HTTP\/1\.1 101 /);
  });
});
