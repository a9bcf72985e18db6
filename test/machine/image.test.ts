// The image without a container engine: what the Dockerfile copies is all that its build needs, and the program
// that comes of it passes the image's own health check, as an ordinary user.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Home } from "../e2e/harness.ts";

const root = resolve(import.meta.dir, "../..");
const dockerfile = await Bun.file(join(root, "Dockerfile")).text();
const SLOW_MS = 180_000;
/** As in the Dockerfile. */
const USER = 10_001;

let folder: string;
let program: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "muster-image-"));
  program = join(folder, "dist/muster");
  const copied = Array.from(dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm), ([, words = ""]) =>
    words.split(" "),
  );
  for (const source of copied.flatMap((words) => words.slice(0, -1))) {
    mkdirSync(dirname(join(folder, source)), { recursive: true });
    cpSync(join(root, source), join(folder, source), {
      recursive: true,
      // As .dockerignore says.
      filter: (path) => !path.endsWith(".test.ts") && path !== join(root, "web/dist"),
    });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const built = Bun.spawnSync(["npm", "run", "build"], { cwd: folder, timeout: SLOW_MS });
  if (!built.success) throw new Error(`${built.stdout.toString()}${built.stderr.toString()}`);
}, SLOW_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Of a word list in the Dockerfile. */
function words(after: string): string[] {
  const list = new RegExp(`${after}\\s+(\\[.*\\])$`, "m").exec(dockerfile.replaceAll("\\\n", ""))?.[1] ?? "";
  return JSON.parse(list) as string[];
}

test("the hub of the image is healthy while it runs, and as nobody's root", async () => {
  const [command = "", ...args] = [...words("^ENTRYPOINT"), ...words("^CMD")];
  expect(command).toBe("muster");
  const asRoot = process.getuid?.() === 0;
  const other = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", "--no-new-privs"];
  await using home = new Home([...(asRoot ? other : []), program]);
  mkdirSync(home.path, { mode: 0o700 });
  if (asRoot) for (const path of [folder, home.folder, home.path]) chownSync(path, USER, USER);
  const check = (port: number) =>
    Bun.spawnSync(words("HEALTHCHECK.*CMD"), { env: { ...process.env, PORT: String(port) }, timeout: 5000 });
  const hub = home.spawn([...args, "--json", "--port", "0"]);
  const { hub_url } = await hub.firstJson();
  const port = Number(new URL(hub_url).port);
  expect(check(port).exitCode).toBe(0);
  hub.signal("SIGTERM");
  expect(await hub.exited).toBe(0);
  expect(check(port).exitCode).not.toBe(0);
});
