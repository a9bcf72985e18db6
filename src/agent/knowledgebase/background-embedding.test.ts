import { afterEach, expect, test } from "bun:test";
import { meaningOf } from "../../../test/fakes/meaning-model.ts";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { openSqlite } from "../../world/sqlite.ts";
import { Notices } from "../notices.ts";
import { BackgroundEmbedding } from "./background-embedding.ts";
import type { Embedder } from "./embedder.ts";
import { PassageIndex } from "./passage-index.ts";
import { TextIndex } from "./text-index.ts";
import { YARDSTICKS } from "./yardsticks.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

const crypto = nodeCrypto((length) => new Uint8Array(length));

function setUp({ texts = [], isChosen = false }: { texts?: string[]; isChosen?: boolean } = {}) {
  const db = openSqlite(":memory:");
  ended.push(() => db.close());
  const textIndex = new TextIndex(db);
  const index = new PassageIndex(db, crypto);
  const time = new FakeTime();
  const notices = new Notices();
  /** What each request asked for. */
  const asked: string[][] = [];
  /** How it is answered: the test's choice. */
  const server = {
    models: ["m"],
    tookMs: 0,
    answer: (batch: readonly string[]): number[][] => batch.map((text) => meaningOf(text, 16)),
    hold: undefined as Promise<void> | undefined,
  };
  const embedder: Embedder = {
    models: () => server.models,
    isChosen,
    async embed(batch, { signal }) {
      asked.push([...batch]);
      await server.hold;
      signal.throwIfAborted();
      time.sleep(server.tookMs);
      return server.answer(batch);
    },
  };
  const start = (): BackgroundEmbedding => {
    const made = new BackgroundEmbedding({
      index,
      embedder,
      clock: time,
      timers: time,
      log: SILENT_LOG,
      notices,
    });
    ended.push(() => made.close());
    made.wake();
    return made;
  };
  const put = (name: string, body: string): void =>
    textIndex.change({
      put: [{ path: name, shown: name, title: name, body, size: body.length, modifiedAt: 1 }],
      remove: [],
    });
  for (const [at, text] of texts.entries()) put(`t${at}`, text);
  return { db, index, textIndex, time, notices, asked, server, put, start };
}

/** What has been asked for is answered. */
async function turn(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await Promise.resolve();
}

async function passUntil(time: FakeTime, holds: () => boolean, stepMs = 50): Promise<void> {
  for (let step = 0; !holds(); step += 1) {
    if (step > 5000) throw new Error("it never comes to that");
    await turn();
    time.advance(stepMs);
  }
}

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `note number ${n}`);
/** Requests that are no yardsticks. */
const batches = (asked: string[][]): string[][] =>
  asked.filter(([first]) => !YARDSTICKS.includes(first ?? ""));

test("all passages are embedded, in batches that grow while the server is quick", async () => {
  const { start, time, asked, notices } = setUp({ texts: many(100) });
  const embedding = start();
  await passUntil(time, () => embedding.state.embedded === 12);
  expect(notices.all()).toEqual(["the knowledgebase has embedded 12 of 100 passages so far"]);
  await passUntil(time, () => embedding.state.phase === "complete");
  expect(asked.map(({ length }) => length)).toEqual([16, 4, 8, 16, 32, 32, 8]);
  expect(embedding.state).toMatchObject({ model: "m", passages: 100, embedded: 100, leftOut: 0 });
  expect(notices.all()).toEqual([]);
});

test("it rests as long as it works, and batches of a slow server shrink", async () => {
  const { start, time, asked, server } = setUp({ texts: many(20) });
  server.tookMs = 2000;
  const embedding = start();
  await passUntil(time, () => asked.length === 3);
  const beganAtMs = time.now();
  await passUntil(time, () => asked.length === 4);
  expect(time.now() - beganAtMs).toBeGreaterThanOrEqual(2000);
  await passUntil(time, () => embedding.state.phase === "complete");
  expect(
    batches(asked)
      .slice(0, 3)
      .map(({ length }) => length),
  ).toEqual([4, 2, 1]);
});

test("what is new is embedded, what is there is not asked for again", async () => {
  const { start, time, asked, put } = setUp({ texts: many(3) });
  const embedding = start();
  await passUntil(time, () => embedding.state.phase === "complete");
  const before = asked.length;
  put("t3", "another text");
  embedding.wake();
  await passUntil(time, () => embedding.state.embedded === 4);
  expect(asked.slice(before)).toEqual([["t3\n\nanother text"]]);
});

test("what was made stays when it ends halfway, and the next begins behind it", async () => {
  const { start, time, asked } = setUp({ texts: many(40) });
  const first = start();
  await passUntil(time, () => first.state.embedded === 12);
  await first.close();
  const before = asked.length;
  const second = start();
  await passUntil(time, () => second.state.phase === "complete");
  expect(asked.slice(before).flat()).toHaveLength(1 + 28);
});

test("a text that changes or goes while it is embedded is embedded as it is now, or not at all", async () => {
  const { start, time, server, put, textIndex, asked, index } = setUp({ texts: ["one", "two", "three"] });
  const embedding = start();
  await passUntil(time, () => asked.length === 1);
  const held = Promise.withResolvers<void>();
  server.hold = held.promise;
  await passUntil(time, () => asked.length === 2);
  put("t0", "one, but different");
  textIndex.change({ put: [], remove: ["t1"] });
  embedding.wake();
  server.hold = undefined;
  held.resolve();
  await passUntil(time, () => embedding.state.phase === "complete");
  expect(embedding.state).toMatchObject({ passages: 2, embedded: 2 });
  expect(index.vectors(0, 8)).toHaveLength(2);
  expect(asked.at(-1)).toEqual(["t0\n\none, but different"]);
});

test("while no model is there it asks for nothing, and goes on when one comes", async () => {
  const { start, time, asked, server, notices } = setUp({ texts: many(3) });
  server.models = [];
  const embedding = start();
  await turn();
  expect(time.pendingTimers).toBe(0);
  expect(embedding.state).toMatchObject({ phase: "waiting", passages: 0, uncutTexts: 3 });
  expect(asked).toEqual([]);
  expect(notices.all()).toEqual([]);
  server.models = ["m"];
  embedding.embedderChanged();
  await passUntil(time, () => embedding.state.phase === "complete");
});

test("a server that fails is asked ever less often, this is told, and taken back", async () => {
  const { start, time, asked, server, notices } = setUp({ texts: many(10) });
  const embedding = start();
  await passUntil(time, () => embedding.state.embedded === 4);
  const works = server.answer;
  server.answer = () => {
    throw new MusterError("unavailable", "this device's model server does not answer");
  };
  await passUntil(time, () => embedding.state.phase === "failing");
  const before = asked.length;
  await turn();
  for (let minute = 0; minute < 60; minute += 1) {
    time.advance(60_000);
    await turn();
    embedding.wake();
  }
  // 5, 10, 20, … s and then every ten minutes, each time with a passage and a yardstick.
  expect(asked.length - before).toBeLessThan(2 * 16);
  expect(notices.all()).toEqual([
    "the knowledgebase has embedded 4 of 10 passages and tries again: this device's model server does not answer",
  ]);
  server.answer = works;
  embedding.embedderChanged();
  await passUntil(time, () => embedding.state.phase === "complete");
  expect(notices.all()).toEqual([]);
  expect(embedding.state.problem).toBeUndefined();
});

test("a passage that the model does not take is tried shorter, then left out, and the others are not", async () => {
  const { start, time, server, asked } = setUp({
    texts: [...many(10), `dense ${"x".repeat(900)}`, "never of this", ...many(20).slice(10)],
  });
  const works = server.answer;
  server.answer = (batch) => {
    if (batch.some((text) => text.length > 500 || text.includes("never"))) {
      throw new MusterError(
        "unavailable",
        "the model server can't do this now: input is too large to process",
      );
    }
    return works(batch);
  };
  const embedding = start();
  await passUntil(time, () => embedding.state.phase === "complete");
  expect(embedding.state).toMatchObject({ passages: 22, embedded: 21, leftOut: 1, problem: undefined });
  expect(asked.length).toBeLessThan(60);
});

test("a server that takes nothing more leaves nothing out", async () => {
  const { start, time, server } = setUp({ texts: many(10) });
  const embedding = start();
  await passUntil(time, () => embedding.state.embedded === 4);
  server.answer = () => {
    throw new MusterError("invalid", "the model server does not take this request: no such thing");
  };
  await passUntil(time, () => embedding.state.phase === "failing");
  expect(embedding.state).toMatchObject({ embedded: 4, leftOut: 0 });
});

test("a model that embeds nothing at all begins nothing", async () => {
  const { start, time, server, index } = setUp({ texts: many(3) });
  server.answer = (batch) => batch.map(() => [0, 0, 0]);
  const embedding = start();
  await passUntil(time, () => embedding.state.phase === "failing");
  expect(embedding.state.problem).toContain("nothing but zeros");
  expect(index.space()).toBeUndefined();
});

test("another model embeds all anew, but not because it is listed first", async () => {
  const { start, time, server, asked } = setUp({ texts: many(5) });
  const embedding = start();
  await passUntil(time, () => embedding.state.phase === "complete");
  server.models = ["new", "m"];
  embedding.embedderChanged();
  await passUntil(time, () => embedding.state.phase === "complete");
  await turn();
  expect(embedding.state.model).toBe("m");
  const before = asked.length;
  server.models = ["new"];
  embedding.embedderChanged();
  await passUntil(time, () => embedding.state.model === "new" && embedding.state.phase === "complete");
  expect(asked.slice(before).flat()).toHaveLength(YARDSTICKS.length + 5);
});

test("the model that the configuration names is the one that is used", async () => {
  const { start, time, server } = setUp({ texts: many(5), isChosen: true });
  const first = start();
  await passUntil(time, () => first.state.phase === "complete");
  await first.close();
  server.models = ["named", "m"];
  const second = start();
  await passUntil(time, () => second.state.model === "named" && second.state.embedded === 5);
});

test("another model behind the same name is noticed: by other vectors, and by longer ones", async () => {
  const { start, time, server, index } = setUp({ texts: many(5) });
  const first = start();
  await passUntil(time, () => first.state.phase === "complete");
  await first.close();
  server.answer = (batch) =>
    batch.map((text) => meaningOf(text, 16).map((value, at) => (at % 2 ? -value : value)));
  const second = start();
  await passUntil(time, () => second.state.embedded === 0);
  await passUntil(time, () => second.state.phase === "complete");
  server.answer = (batch) => batch.map((text) => meaningOf(text, 24));
  second.doubt();
  await passUntil(time, () => index.space()?.dimensions === 24 && second.state.embedded === 5);
});

test("a server whose vectors change all the time is not followed for ever", async () => {
  const { start, time, server, asked, put } = setUp({ texts: many(5) });
  let turns = 0;
  server.answer = (batch) => {
    turns += 1;
    return batch.map((text) => meaningOf(text, 8 + turns));
  };
  const embedding = start();
  await passUntil(time, () => embedding.state.problem?.includes("changed 3 times") === true, 1000);
  const before = asked.length;
  for (let minute = 0; minute < 50; minute += 1) {
    put(`p${minute}`, `another ${minute}`);
    embedding.wake();
    await turn();
    time.advance(60_000);
  }
  expect(asked.length - before).toBeLessThan(20);
});

test("a database that fails ends nothing", async () => {
  const { start, time, asked, db, put } = setUp({ texts: many(5) });
  const embedding = start();
  await passUntil(time, () => embedding.state.phase === "complete");
  db.exec("DROP TABLE passages");
  const before = asked.length;
  embedding.wake();
  for (let minute = 0; minute < 30; minute += 1) {
    await turn();
    time.advance(60_000);
  }
  expect(asked.length).toBe(before);
  expect(time.pendingTimers).toBe(1);
  put("t9", "the texts are still indexed");
});

test("it gives way to a search, though not for ever", async () => {
  const { start, time, asked } = setUp({ texts: many(10) });
  const embedding = start();
  await passUntil(time, () => asked.length === 2);
  const search = Promise.withResolvers<void>();
  const searched = embedding.yieldTo(search.promise);
  await turn();
  time.advance(2000);
  await turn();
  expect(asked).toHaveLength(2);
  for (let step = 0; step < 100; step += 1) {
    time.advance(100);
    await turn();
  }
  expect(asked.length).toBeGreaterThan(2);
  search.resolve();
  await searched;
});

test("an end waits for the request under way and keeps nothing of it", async () => {
  const { start, time, asked, server, index } = setUp({ texts: many(4) });
  const embedding = start();
  await passUntil(time, () => asked.length === 1);
  const held = Promise.withResolvers<void>();
  server.hold = held.promise;
  await passUntil(time, () => asked.length === 2);
  const closing = embedding.close();
  held.resolve();
  await closing;
  expect(index.counts().embedded).toBe(0);
  expect(time.pendingTimers).toBe(0);
  embedding.wake();
  embedding.embedderChanged();
  await turn();
  expect(asked).toHaveLength(2);
});
