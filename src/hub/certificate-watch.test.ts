import { expect, test } from "bun:test";
import { MusterError } from "../protocol/errors.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import { FakeTime } from "../trunk/testing.ts";
import type { Disk, FileInfo } from "../world/world.ts";
import { LOOK_EVERY_MS, watchCertificate } from "./certificate-watch.ts";

const FILES = { cert: "/c.pem", key: "/k.pem" };

function setUp() {
  const time = new FakeTime();
  const modified = new Map([
    [FILES.cert, 1],
    [FILES.key, 1],
  ]);
  const info = (path: string): Promise<FileInfo | undefined> => {
    const modifiedAt = modified.get(path);
    const found = { kind: "file", size: 10, mode: 0o600, inode: 1 } as const;
    return Promise.resolve(modifiedAt === undefined ? undefined : { ...found, modifiedAt });
  };
  const state = { renewals: 0, problem: undefined as MusterError | undefined };
  const watching = watchCertificate({
    // Nothing else of the disk is used.
    world: { timers: time, disk: { info } as unknown as Disk },
    log: SILENT_LOG,
    files: FILES,
    renew() {
      if (state.problem !== undefined) throw state.problem;
      state.renewals += 1;
    },
  });
  const look = async () => {
    time.advance(LOOK_EVERY_MS);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return { modified, state, watching, look, time };
}

test("what did not change is not served anew", async () => {
  const { state, watching, look } = setUp();
  await watching;
  await look();
  await look();
  expect(state.renewals).toBe(0);
});

test("a change is served once, and so is the next", async () => {
  const { modified, state, watching, look } = setUp();
  await watching;
  modified.set(FILES.cert, 2);
  await look();
  await look();
  expect(state.renewals).toBe(1);
  modified.set(FILES.key, 3);
  await look();
  expect(state.renewals).toBe(2);
});

test("while a file is missing or does not fit, the old one stays and is tried again", async () => {
  const { modified, state, watching, look } = setUp();
  await watching;
  modified.delete(FILES.key);
  await look();
  expect(state.renewals).toBe(0);
  modified.set(FILES.key, 2);
  state.problem = new MusterError("invalid", "they do not fit");
  await look();
  expect(state.renewals).toBe(0);
  state.problem = undefined;
  await look();
  expect(state.renewals).toBe(1);
});

test("nothing is looked at once the watch has ended", async () => {
  const { modified, state, watching, look, time } = setUp();
  (await watching)();
  modified.set(FILES.cert, 2);
  await look();
  expect(state.renewals).toBe(0);
  expect(time.pendingTimers).toBe(0);
});
