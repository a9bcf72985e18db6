import { describe, expect, test } from "bun:test";
import { FakeTime } from "../../trunk/testing.ts";
import { Directory } from "./directory.ts";
import type { Session } from "./session.ts";

type Kind = Session["facts"]["kind"];

interface FakeSession extends Session {
  readonly closedWith: string[];
}

function session(deviceId: string, kind: Kind = "register"): FakeSession {
  const closedWith: string[] = [];
  const close = (code: string): void => void closedWith.push(code);
  // All of a session that the directory looks at.
  return { facts: { deviceId, kind }, close, closedWith } as unknown as FakeSession;
}

function directory() {
  const time = new FakeTime();
  const events: string[] = [];
  const of = ({ facts }: Session): string => `${facts.kind} ${facts.deviceId}`;
  return {
    time,
    events,
    directory: new Directory(time, {
      joined: (one) => void events.push(`joined ${of(one)}`),
      left: (one) => void events.push(`left ${of(one)}`),
    }),
  };
}

describe("who is connected", () => {
  test("a newer session of a device takes its place, and the end of the older one touches nothing", () => {
    const { directory: here, events } = directory();
    const [older, newer] = [session("pi"), session("pi")];
    here.add(older);
    here.add(newer);
    expect([older.closedWith, newer.closedWith]).toEqual([["superseded"], []]);
    here.remove(older);
    here.remove(older);
    expect(here.device("pi")).toBe(newer);
    expect([here.deviceCount, events]).toEqual([1, ["joined register pi", "joined register pi"]]);
    here.remove(newer);
    here.remove(newer);
    expect([here.deviceCount, here.device("pi")]).toEqual([0, undefined]);
    expect(events.slice(2)).toEqual(["left register pi"]);
  });

  test("clients of one key stand beside each other, and each leaves for itself", () => {
    const { directory: here, events } = directory();
    const [first, second] = [session("cli", "attach"), session("cli", "attach")];
    here.add(first);
    here.add(second);
    expect([here.device("cli"), here.deviceCount, [...here.all()].length]).toEqual([undefined, 0, 2]);
    here.remove(first);
    expect([...here.all()]).toEqual([second]);
    here.remove(first);
    expect([events.length, first.closedWith]).toEqual([3, []]);
  });

  test("a page is found by its browser's key, and a client of that key is none", () => {
    const { directory: here } = directory();
    const page = session("firefox", "person");
    here.add(session("firefox", "attach"));
    expect(here.page("firefox")).toBeUndefined();
    here.add(page);
    expect([here.page("firefox"), here.device("firefox")]).toEqual([page, undefined]);
  });

  test("a browser has a page while one of its pages is here", () => {
    const { directory: here } = directory();
    const [first, second] = [session("firefox", "person"), session("firefox", "person")];
    for (const page of [first, second, session("chrome", "person")]) here.add(page);
    here.remove(first);
    here.remove(first);
    expect(here.page("firefox")).toBe(second);
    here.remove(second);
    expect(here.page("firefox")).toBeUndefined();
    expect(here.page("chrome")).toBeDefined();
  });

  test("whoever was never here does not leave", () => {
    const { directory: here, events } = directory();
    here.add(session("pi"));
    here.remove(session("pi"));
    here.remove(session("cli", "attach"));
    expect([here.deviceCount, events.length]).toEqual([1, 1]);
  });
});

describe("waiting for a device", () => {
  test("ends when it is back, once for each who waits, and not for another", () => {
    const { directory: here, time } = directory();
    const heard: (Session | undefined)[] = [];
    here.whenConnected("pi", 1_000, (one) => void heard.push(one));
    here.whenConnected("pi", 1_000, (one) => void heard.push(one));
    here.whenConnected("nas", 1_000, (one) => void heard.push(one));
    const back = session("pi");
    here.add(back);
    expect(heard).toEqual([back, back]);
    here.add(session("pi"));
    expect(heard).toHaveLength(2);
    time.advance(1_000);
    expect(heard).toEqual([back, back, undefined]);
    expect(time.pendingTimers).toBe(0);
  });

  test("ends at its time with nothing, and who gives up hears nothing at all", () => {
    const { directory: here, time } = directory();
    const heard: string[] = [];
    const giveUp = here.whenConnected("pi", 1_000, () => void heard.push("first"));
    here.whenConnected("pi", 2_000, (one) => void heard.push(one === undefined ? "over" : "back"));
    giveUp();
    giveUp();
    time.advance(1_999);
    expect(heard).toEqual([]);
    time.advance(1);
    here.add(session("pi"));
    expect([heard, time.pendingTimers]).toEqual([["over"], 0]);
  });

  test("whoever was told and then goes takes nothing from those who wait after it", () => {
    const { directory: here } = directory();
    const heard: string[] = [];
    const leave = here.whenConnected("pi", 1_000, () => void heard.push("first"));
    const back = session("pi");
    here.add(back);
    here.remove(back);
    here.whenConnected("pi", 1_000, () => void heard.push("second"));
    leave();
    here.add(session("pi"));
    expect(heard).toEqual(["first", "second"]);
  });

  test("is bounded for each device and for all, and room comes back", () => {
    const { directory: here } = directory();
    let refused = 0;
    const wait = (device: string): (() => void) =>
      here.whenConnected(device, 1_000, () => void (refused += 1));
    const gives = Array.from({ length: 501 }, () => wait("pi"));
    expect(refused).toBe(1);
    gives[0]?.();
    wait("pi");
    expect(refused).toBe(1);
    for (let device = 0; device < 19; device += 1) {
      for (let count = 0; count < 500; count += 1) wait(`device-${device}`);
    }
    expect(refused).toBe(1);
    wait("one-too-many");
    expect(refused).toBe(2);
    // Those who waited for the device are told, and no longer count.
    here.add(session("pi"));
    refused = 0;
    for (let count = 0; count < 500; count += 1) wait("nas");
    expect(refused).toBe(0);
    wait("one-too-many");
    expect(refused).toBe(1);
  });
});
