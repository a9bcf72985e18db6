import { expect, test } from "bun:test";
import type { Timer } from "../world/world.ts";
import { Ticker, type Ticking } from "./ticker.ts";

/** A ticker that ticks when it is told to. */
function manual(): { ticker: Ticker; tick(): void; running(): boolean } {
  let due: (() => void) | undefined;
  let now = 0;
  const every = (_periodMs: number, run: () => void): Timer => {
    due = run;
    return { cancel: () => (due = undefined) };
  };
  const ticker = new Ticker({ clock: { monotonic: () => (now += 500) }, timers: { every } });
  return { ticker, tick: () => due?.(), running: () => due !== undefined };
}

function member(told: string[], name: string, also: () => void = () => {}): Ticking {
  return {
    tickerSlot: -1,
    tick() {
      told.push(name);
      also();
    },
  };
}

test("each member is told once a period, whoever left or came in between", () => {
  const { ticker, tick } = manual();
  const told: string[] = [];
  const [a, b, c] = [member(told, "a"), member(told, "b"), member(told, "c")];
  for (const each of [a, b, c, a]) ticker.add(each);
  ticker.delete(a);
  ticker.delete(a);
  tick();
  expect(told.sort()).toEqual(["b", "c"]);
  ticker.add(a);
  told.length = 0;
  tick();
  expect(told.sort()).toEqual(["a", "b", "c"]);
});

test("a member that leaves, alone or with others, keeps nobody from being told", () => {
  const { ticker, tick } = manual();
  const told: string[] = [];
  const all: Ticking[] = [];
  const goes = member(told, "goes", () => ticker.delete(goes));
  const takesAll = member(told, "takes all", () => all.forEach((each) => ticker.delete(each)));
  all.push(member(told, "first"), goes, takesAll, member(told, "last"));
  for (const each of all) ticker.add(each);
  tick();
  expect(told).toEqual(["last", "takes all"]);
  ticker.add(goes);
  ticker.add(all[0] ?? goes);
  told.length = 0;
  tick();
  expect(told.sort()).toEqual(["first", "goes"]);
});

test("the timer ends with a period that finds nobody, and begins anew", () => {
  const { ticker, tick, running } = manual();
  const told: string[] = [];
  const one = member(told, "one");
  ticker.add(one);
  ticker.delete(one);
  expect(running()).toBe(true);
  tick();
  expect(running()).toBe(false);
  ticker.add(one);
  tick();
  expect(told).toEqual(["one"]);
});
