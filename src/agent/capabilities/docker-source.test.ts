import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
import { until } from "../plugins/plugin.fixture.ts";
import { DockerSource } from "./docker-source.ts";

const folder = mkdtempSync(join(tmpdir(), "muster-docker-"));
const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function engine(answer: () => Response): string {
  const path = join(folder, `${(count += 1)}.sock`);
  const server = Bun.serve({ unix: path, fetch: answer });
  ended.push(() => server.stop(true));
  return path;
}

function source(sockets: string[]) {
  const time = new FakeTime();
  const made = new DockerSource({ network: realWorld.network, timers: time, sockets, changed() {} });
  ended.push(() => made.close());
  return { made, time };
}

test("it is offered where an engine answers on one of its sockets, and only seen: nobody calls it", async () => {
  const path = engine(() => new Response("OK"));
  const { made } = source([join(folder, "none.sock"), path]);
  await until("the engine", () => made.capabilities.length > 0);
  expect(made.capabilities[0]?.offer).toEqual({ protocol: "docker", version: "1.0.0", class: "control" });
  expect(() => made.capabilities[0]?.call({ payload: {}, caller: "me" }, {} as never)).toThrow("not used");
});

test("one that has no right there, or is no engine, is none", async () => {
  const { made, time } = source([engine(() => new Response("no", { status: 500 }))]);
  await until("a next look", () => time.pendingTimers === 1);
  expect(made.capabilities).toEqual([]);
});

test("it comes and goes with the engine", async () => {
  const path = engine(() => new Response("OK"));
  const { made, time } = source([path]);
  await until("the engine", () => made.capabilities.length > 0);
  await ended.shift()?.();
  await until("its end", () => (time.advance(30_000), made.capabilities.length === 0));
});
