// A PostgreSQL server of a test's own: in a folder of its own, on a free port of loopback, gone with the test. It
// refuses to run as root, so root lends it another user.
import { existsSync, readdirSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const DEBIAN = "/usr/lib/postgresql";

export interface PostgresServer extends AsyncDisposable {
  url: string;
  /** As if its machine had crashed; what was committed is there when it is started again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** The folder of its programs; undefined where it is not installed, or root has nobody to lend it to. */
export function postgresPrograms(): string | undefined {
  const isRoot = process.getuid?.() === 0;
  if (isRoot && Bun.spawnSync(["id", "-u", "postgres"]).exitCode !== 0) return undefined;
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(DEBIAN, version, "bin")),
    ...(process.env["PATH"] ?? "").split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

export async function startPostgres(programs: string): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "muster-postgres-"));
  const lent = process.getuid?.() === 0 ? await lendUser(folder) : [];
  const data = join(folder, "data");
  const initdb = [
    join(programs, "initdb"),
    "-D",
    data,
    "-A",
    "trust",
    "-U",
    "muster",
    "-E",
    "UTF8",
    "--no-sync",
  ];
  const made = Bun.spawnSync([...lent, ...initdb], { cwd: folder });
  if (made.exitCode !== 0) throw new Error(`initdb failed: ${made.stderr.toString()}`);
  const port = await freePort();
  const settings = ["fsync=off", "listen_addresses=127.0.0.1", `unix_socket_directories=`].flatMap(
    (setting) => ["-c", setting],
  );
  const command = [...lent, join(programs, "postgres"), "-D", data, "-p", String(port), ...settings];
  const url = `postgres://muster@127.0.0.1:${port}/postgres`;
  let server: Bun.Subprocess | undefined;
  const start = async (): Promise<void> => {
    server = Bun.spawn(command, { cwd: folder, stdout: "ignore", stderr: "ignore" });
    await answering(url, server);
  };
  const stop = async (): Promise<void> => {
    // Immediate shutdown.
    server?.kill("SIGQUIT");
    await server?.exited;
  };
  await start();
  return {
    url,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function lendUser(folder: string): Promise<string[]> {
  const id = (what: string): number => Number(Bun.spawnSync(["id", what, "postgres"]).stdout.toString());
  const [user, group] = [id("-u"), id("-g")];
  await chown(folder, user, group);
  return ["setpriv", `--reuid=${user}`, `--regid=${group}`, "--clear-groups"];
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? (address?.port ?? 0) : 0;
      server.close(() => resolve(port));
    });
  });
}

async function answering(url: string, server: Bun.Subprocess): Promise<void> {
  for (let turn = 0; turn < 1200; turn++) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    const sql = new Bun.SQL({ url, max: 1, connectionTimeout: 5 });
    try {
      await sql.unsafe("select 1");
      return;
    } catch {
      await new Promise<void>((resolve) => setTimeout(resolve, 50));
    } finally {
      await sql.close();
    }
  }
  throw new Error("postgres did not answer");
}
