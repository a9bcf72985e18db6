import { expect, test } from "bun:test";
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { LOG_MAX_BYTES } from "../agent/apps/rotate-log.ts";
import { testWorld, until } from "../agent/testing.ts";
import { tempFolder } from "../store/testing.ts";
import { boundLog, LOG_LOOK_EVERY_MS } from "./bounded-log.ts";

test("a log that has outgrown its bound is rotated while its writer goes on appending", async () => {
  await using folder = await tempFolder();
  const path = folder.file("agent.log");
  const world = testWorld();
  const writer = openSync(path, "a", 0o600);
  const timer = boundLog(world, path);
  try {
    writeSync(writer, Buffer.alloc(LOG_MAX_BYTES + 1, "x"));
    world.time.advance(LOG_LOOK_EVERY_MS);
    await until(() => statSync(path).size === 0);
    writeSync(writer, "goes on\n");
    expect(await Bun.file(path).text()).toBe("goes on\n");
    expect(statSync(`${path}.1`).size).toBe(LOG_MAX_BYTES);
  } finally {
    timer.cancel();
    closeSync(writer);
  }
});
