// A Muster plugin: answers a query of the whole fleet, and does one thing that only a controller may order.
import { mkdir, readdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What `disk.clean` empties: a folder of this plugin's own. */
const CACHE = join(import.meta.dirname, "cache");

const methods = {
  "plugin.hello": async () => ({}),
  async query({ name }) {
    if (name !== "disk.report") throw { code: -32_602, message: `no query ${name}` };
    const { bsize, blocks, bavail } = await statfs("/");
    const used = blocks === 0 ? 0 : 1 - bavail / blocks;
    return { items: [{ id: "/", size_bytes: bsize * blocks, used: Math.round(used * 1000) / 1000 }] };
  },
  async "capability.call"({ request_id }) {
    await mkdir(CACHE, { recursive: true });
    const names = await readdir(CACHE);
    for (const name of names) {
      await rm(join(CACHE, name), { recursive: true, force: true });
      say({ method: "capability.part", params: { request_id, data: { removed: name } } });
    }
    return { removed: names.length };
  },
};

function say(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue; // a notification: what is taken back here is soon done anyway
  const run = methods[method];
  if (run === undefined) {
    say({ id, error: { code: -32_601, message: `no method ${method}` } });
    continue;
  }
  run(params).then(
    (result) => say({ id, result }),
    ({ code = -32_000, message = "it failed" }) => say({ id, error: { code, message } }),
  );
}
