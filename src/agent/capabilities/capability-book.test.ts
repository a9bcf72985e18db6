import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { CapabilityBook, type CapabilityBookParts } from "./capability-book.ts";
import { listedCapability } from "./listed-capability.ts";

function setting(disabled: readonly string[] = []) {
  const time = new FakeTime();
  const told: unknown[] = [];
  const state = { at: "connected", refuses: false };
  const hub = {
    get state() {
      return { at: state.at };
    },
    request(message: object) {
      told.push(message);
      return state.refuses ? Promise.reject(new MusterError("too_many", "later")) : Promise.resolve({});
    },
  };
  // The book asks no more of a hub than this.
  const parts = { timers: time, hub, log: SILENT_LOG, disabled } as unknown as CapabilityBookParts;
  return { book: new CapabilityBook(parts), time, told, state };
}

const source = (...protocols: string[]) => ({
  capabilities: protocols.map((protocol) => listedCapability(protocol, "control")),
});
const offer = (protocol: string) => ({ protocol, version: "1.0.0", class: "control" });

test("changes that come together are told together, and what is the same is not told again", () => {
  const { book, time, told } = setting();
  book.add(source("a"));
  book.add(source("b"));
  time.advance(50);
  const said = { type: "capabilities_update", capabilities: [offer("a"), offer("b")], queries: [] };
  expect(told).toEqual([said]);
  book.changed();
  time.advance(50);
  expect(told).toEqual([said]);
});

test("the hub is told no more than it takes of one device", () => {
  const { book, time, told } = setting();
  const names = Array.from({ length: 70 }, (_, at) => `c${at}`);
  const never = (): Promise<never> => Promise.reject(new Error("it is not asked"));
  book.add({ ...source(...names), queries: Object.fromEntries(names.map((name) => [name, never])) });
  time.advance(50);
  expect(told).toEqual([
    {
      type: "capabilities_update",
      capabilities: names.slice(0, 64).map((name) => offer(name)),
      queries: names.slice(0, 64),
    },
  ]);
  expect(book.find({ protocol: "c64", version: "1.0.0" })).toBeUndefined();
});

test("a new connection is told all of it, and no hub is told nothing", () => {
  const { book, time, told, state } = setting();
  state.at = "connecting";
  book.add(source("a"));
  time.advance(50);
  expect(told).toEqual([]);
  state.at = "connected";
  book.connected();
  book.connected();
  expect(told.length).toBe(2);
});

test("what the hub did not take is told at the next change, though nothing is new", async () => {
  const { book, time, told, state } = setting();
  state.refuses = true;
  book.add(source("a"));
  time.advance(50);
  await Promise.resolve();
  await Promise.resolve();
  book.changed();
  time.advance(50);
  expect(told.length).toBe(2);
});

test("what the hub did not take is told again after a while, and what it did not take before is old", async () => {
  const { book, time, told, state } = setting();
  state.refuses = true;
  book.add(source("a"));
  time.advance(50);
  state.refuses = false;
  book.add(source("b"));
  time.advance(50);
  await Promise.resolve();
  time.advance(30_000);
  expect(told.length).toBe(2);
  state.refuses = true;
  book.add(source("c"));
  time.advance(50);
  await Promise.resolve();
  await Promise.resolve();
  state.refuses = false;
  time.advance(30_000);
  expect(told.length).toBe(4);
  expect(told[3]).toMatchObject({ capabilities: [offer("a"), offer("b"), offer("c")] });
  book.close();
  expect(time.pendingTimers).toBe(0);
});

test("the first source that offers a protocol has it", () => {
  const { book } = setting();
  const [first, second] = [source("a"), source("a", "b")];
  book.add(first);
  book.add(second);
  expect(book.capabilities).toEqual([...first.capabilities, ...second.capabilities.slice(1)]);
});

test("what is disabled is not offered, found or asked", async () => {
  const { book } = setting(["knowledgebase"]);
  const answers = { SearchKnowledgebase: async () => 1, ListTasks: async () => 2 };
  book.add({ ...source("knowledgebase", "tasks"), answers, queries: { own: async () => 3 } });
  expect(book.offers).toEqual([offer("tasks")] as never);
  expect(book.find({ protocol: "knowledgebase", version: "1.0.0" })).toBeUndefined();
  expect(book.answerer("SearchKnowledgebase", undefined)).toBeUndefined();
  expect(await book.answerer("ListTasks", undefined)?.({}, "all")).toBe(2);
  expect(await book.answerer("Custom", "own")?.({}, "all")).toBe(3);
  expect(book.answerer("Custom", "toString")).toBeUndefined();
});
