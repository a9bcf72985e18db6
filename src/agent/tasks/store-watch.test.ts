import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { Notices } from "../notices.ts";
import type { TaskStore } from "./task-store.ts";
import { watchStore } from "./store-watch.ts";

test("a database that goes, hangs and comes back is told in the notices, and nothing is asked after the end", async () => {
  const time = new FakeTime();
  const notices = new Notices();
  const looks: PromiseWithResolvers<Awaited<ReturnType<TaskStore["list"]>>>[] = [];
  const list: TaskStore["list"] = () => {
    const look = Promise.withResolvers<Awaited<ReturnType<TaskStore["list"]>>>();
    looks.push(look);
    return look.promise;
  };
  const watch = watchStore({ store: { list }, timers: time, notices, log: SILENT_LOG });
  const told = async (): Promise<string[]> => {
    await Bun.sleep(0);
    return notices.all();
  };

  time.advance(5000);
  looks[0]?.reject(new MusterError("unavailable", "the server is away"));
  expect(await told()).toEqual(["no tasks can be taken: the server is away"]);

  time.advance(5000);
  looks[1]?.resolve({ items: [], cursor: null });
  expect(await told()).toEqual([]);

  time.advance(5000);
  expect(await told()).toEqual([]);
  time.advance(5000);
  expect(await told()).toEqual(["no tasks can be taken: their database does not answer"]);
  expect(looks.length).toBe(3);
  looks[2]?.resolve({ items: [], cursor: null });
  expect(await told()).toEqual([]);

  watch.cancel();
  expect(time.pendingTimers).toBe(0);
});
