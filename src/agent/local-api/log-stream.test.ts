import { expect, test } from "bun:test";
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { realDisk } from "../../world/disk.ts";
import { tempHome, TestTime, until } from "../testing.ts";
import { FOLLOW_EVERY_MS, logStream } from "./log-stream.ts";

async function tail(path: string, lines: number): Promise<string> {
  const stream = logStream({ disk: realDisk, timers: new TestTime(), path, lines, follow: false });
  return new Response(stream).text();
}

test("the last lines are given, however they lie in the file", async () => {
  await using home = await tempHome();
  const path = home.file("app.log");
  writeFileSync(path, "one\ntwo\nthree\n");
  expect(await tail(path, 2)).toBe("two\nthree\n");
  expect(await tail(path, 3)).toBe("one\ntwo\nthree\n");
  expect(await tail(path, 50)).toBe("one\ntwo\nthree\n");
  expect(await tail(path, 0)).toBe("");
  appendFileSync(path, "unended");
  expect(await tail(path, 1)).toBe("unended");
  const long = `${"x".repeat(100_000)}\n`;
  writeFileSync(path, `first\n${long}${long}`);
  expect((await tail(path, 2)).length).toBe(2 * long.length);
});

test("an app that has written nothing yet has an empty log", async () => {
  await using home = await tempHome();
  expect(await tail(home.file("none.log"), 10)).toBe("");
});

test("what is added follows, also after the log was emptied, until the reader goes", async () => {
  await using home = await tempHome();
  const path = home.file("app.log");
  writeFileSync(path, "old\nlast\n");
  const time = new TestTime();
  const reader = logStream({ disk: realDisk, timers: time, path, lines: 1, follow: true }).getReader();
  const got: string[] = [];
  const next = async (): Promise<string | undefined> => {
    const known = got.length;
    const read = reader.read().then(({ value }) => got.push(new TextDecoder().decode(value)));
    await until(() => {
      time.advance(FOLLOW_EVERY_MS);
      return got.length > known;
    });
    await read;
    return got.at(-1);
  };
  expect(await next()).toBe("last\n");
  appendFileSync(path, "more\n");
  expect(await next()).toBe("more\n");
  truncateSync(path, 0);
  appendFileSync(path, "new\n");
  expect(await next()).toBe("new\n");
  await reader.cancel();
  expect(time.pendingTimers).toBe(0);
});
