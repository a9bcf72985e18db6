import { afterEach, describe, expect, test } from "bun:test";
import { Secret } from "../identity/secret.ts";
import { MusterError } from "../protocol/errors.ts";
import { type Log, parseLogLevels } from "../protocol/log.ts";
import { openLog, type OpenLog } from "./log.ts";

let open: OpenLog | undefined;
afterEach(() => open?.close());

function logInto(lines: string[], levels = "debug", terminal = false): Log {
  const parsed = parseLogLevels(levels);
  if (parsed === undefined) throw new Error(`"${levels}" sets no levels`);
  open = openLog({ levels: parsed, terminal, write: (line) => lines.push(line) });
  return open.log;
}

describe("log levels", () => {
  test("are one for all, or one for each part, or both", () => {
    expect(parseLogLevels("debug")).toEqual({ base: "debug", parts: new Map() });
    expect(parseLogLevels("cloud=debug,trunk=info")).toEqual({
      base: "info",
      parts: new Map([
        ["cloud", "debug"],
        ["trunk", "info"],
      ]),
    });
    expect(parseLogLevels(" warn , hub=debug")).toEqual({ base: "warn", parts: new Map([["hub", "debug"]]) });
    expect(parseLogLevels("")).toEqual({ base: "info", parts: new Map() });
  });

  test("are refused when a word is none", () => {
    for (const text of ["loud", "cloud=loud", "=debug", "cloud=debug=info", "Cloud=debug", "a b=debug"]) {
      expect(parseLogLevels(text)).toBeUndefined();
    }
  });
});

describe("the log", () => {
  test("writes one line of JSON per event", () => {
    const lines: string[] = [];
    logInto(lines).part("trunk").info("device connected", { device: "abc", note: "two\nlines" });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
    const { time, ...rest } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
    expect(typeof time).toBe("string");
    expect(rest).toEqual({
      level: "info",
      part: "trunk",
      event: "device connected",
      device: "abc",
      note: "two\nlines",
    });
  });

  test("keeps to the level of each part", () => {
    const lines: string[] = [];
    const log = logInto(lines, "warn,trunk=debug,cloud=error");
    log.info("no");
    log.warn("yes");
    log.part("trunk").debug("yes");
    log.part("cloud").warn("no");
    log.part("edge").info("no");
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(["yes", "yes"]);
  });

  test("never writes a secret, by its type, its field's name or its shape", () => {
    const hidden = "hunter2hunter2";
    const lines: string[] = [];
    const log = logInto(lines);
    const token = `mst1_${"A".repeat(60)}`;
    const key = `mk1_${"B".repeat(43)}`;
    const link = `http://muster.localhost/#login.abcdefghijkl.${"s".repeat(43)}`;
    log.info("a", {
      value: new Secret(hidden),
      token: hidden,
      headers: { Authorization: hidden, Cookie: hidden },
    });
    log.info("b", { list: [{ password: hidden, code: hidden, login_url: hidden }], clientSecret: hidden });
    log.error("c", { error: new Error(`refused ${token} and ${key} at ${link}, sent Bearer ${hidden}`) });
    const all = lines.join("");
    expect(all).not.toContain(hidden);
    expect(all).not.toContain("A".repeat(60));
    expect(all).not.toContain("B".repeat(43));
    expect(all).not.toContain("s".repeat(43));
    expect(all).toContain("‹secret›");
  });

  test("tells an error with its code and causes, and bytes by their number", () => {
    const lines: string[] = [];
    const error = new MusterError("conflict", "it moved", { cause: new Error("the reason") });
    logInto(lines).error("failed", { error, key: new Uint8Array(32) });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      error: {
        name: "MusterError",
        message: "it moved",
        error_code: "conflict",
        cause: { message: "the reason" },
      },
      key: "‹32 bytes›",
    });
  });

  test("bounds what it is given: depth, length, number, circles", () => {
    const lines: string[] = [];
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    logInto(lines).info("big", {
      circle,
      long: "x".repeat(1_000_000),
      many: Array.from({ length: 10_000 }, () => 1),
    });
    expect(lines[0]?.length).toBeLessThan(10_000);
  });

  test("tells a terminal of no field that says nothing", () => {
    const lines: string[] = [];
    logInto(lines, "debug", true).info("session", { at: "connected", problem: undefined });
    expect(lines[0]).toEndWith(": session at=connected\n");
  });

  test("gives a terminal short lines without control characters", () => {
    const lines: string[] = [];
    logInto(lines, "info", true).part("hub").warn("refused", { from: "192.0.2.1", name: "a\u001b[2Jb\nc" });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d warn {2}hub: refused from=192\.0\.2\.1 name="a\\u001b\[2Jb\\nc"\n$/,
    );
    logInto(lines, "info", true).info("said \u001b[31mred");
    expect(lines[1]).not.toContain("\u001b");
  });

  test("an event's braces and a field named like ours forge nothing", () => {
    const lines: string[] = [];
    logInto(lines).info("took {name}", { name: "x", level: "error", event: "forged" });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info" });
    expect(lines[0]).not.toContain("forged");
  });
});
