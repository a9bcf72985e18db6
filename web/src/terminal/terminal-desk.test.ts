import { expect, test } from "bun:test";
import type { ShellEvents, ShellWish } from "../../../src/client/commands/remote-shell.ts";
import { fromUtf8, utf8 } from "../../../src/protocol/bytes.ts";
import { MusterError } from "../../../src/protocol/errors.ts";
import { TerminalDesk } from "./terminal-desk.ts";

function desk(kept?: string) {
  const shells: (ShellEvents & { wish: ShellWish; typed: string; sizes: number[]; left: boolean })[] = [];
  let remembered = kept;
  const waiting: (() => void)[] = [];
  const made = new TerminalDesk({
    shell(wish, events) {
      const shell = { ...events, wish, typed: "", sizes: [] as number[], left: false };
      shells.push(shell);
      return {
        input: (bytes) => void (shell.typed += fromUtf8(bytes)),
        resize: ({ cols }) => void shell.sizes.push(cols),
        pause() {},
        resume() {},
        leave: () => void (shell.left = true),
      };
    },
    remembered: { get: () => remembered, set: (session) => void (remembered = session) },
    timers: {
      after(_, run) {
        waiting.push(run);
        return { cancel: () => void waiting.splice(waiting.indexOf(run), 1) };
      },
    },
  });
  let text = "";
  const screen = {
    size: { cols: 100, rows: 30 },
    clear: () => void (text = ""),
    write: (bytes: Uint8Array, shown: () => void) => {
      text += fromUtf8(bytes);
      shown();
    },
  };
  const say = (said: string): void => shells.at(-1)?.output(utf8(said));
  return { desk: made, screen, shells, text: () => text, say, waiting, kept: () => remembered };
}

test("it is opened in the size of its screen, shows what the device writes, and sends what is typed", () => {
  const { desk: made, screen, shells, text, say } = desk();
  made.begin();
  made.open();
  expect([shells, made.store.get().at]).toEqual([[], "opening"]);
  made.show(screen);
  expect(shells[0]?.wish).toEqual({ cols: 100, rows: 30, session: undefined });
  made.resize({ cols: 90, rows: 30 });
  shells[0]?.opened("one", 0);
  say("$ ");
  made.type(utf8("ls\r"));
  expect([text(), shells[0]?.typed, made.store.get().at]).toEqual(["$ ", "ls\r", "open"]);
  expect(shells[0]?.sizes).toEqual([90]);
  shells[0]?.ended({ how: "code 0", reason: undefined });
  expect(made.store.get()).toMatchObject({ at: "closed", ended: "code 0" });
});

test("a screen that does not come closes it with the reason, and keeps what was left", () => {
  const { desk: made, shells, kept } = desk("one");
  made.begin();
  made.hide(new MusterError("unavailable", "it could not be loaded"));
  expect(made.store.get()).toMatchObject({ at: "closed", problem: { code: "unavailable" } });
  expect([shells, kept()]).toEqual([[], "one"]);
});

test("one that was cut or left is taken up again, on an empty screen", () => {
  const { desk: made, screen, shells, text, say, waiting, kept } = desk();
  made.show(screen);
  made.begin();
  made.open();
  shells[0]?.opened("one", 0);
  say("before");
  shells[0]?.failed(new MusterError("session_cut", "it was cut"));
  expect([made.store.get().at, text()]).toEqual(["cut", "before"]);
  waiting.shift()?.();
  shells[1]?.opened("one", 0);
  expect([shells[1]?.wish.session, text()]).toEqual(["one", ""]);
  made.end();
  shells[1]?.failed(new MusterError("unavailable", "the session was closed here"));
  expect([shells[1]?.left, made.store.get().at, kept()]).toEqual([true, "cut", "one"]);
  made.begin();
  expect(shells[2]?.wish.session).toBe("one");
});

test("one whose time is over is opened anew, and a refusal closes it", () => {
  const { desk: made, screen, shells, kept } = desk("old");
  expect(made.store.get().at).toBe("cut");
  made.show(screen);
  made.begin();
  shells[0]?.failed(new MusterError("not_found", "there is no such shell"));
  expect(shells[1]?.wish.session).toBeUndefined();
  shells[1]?.opened("new", 0);
  expect(kept()).toBe("new");
  shells[1]?.failed(new MusterError("forbidden", "this key was removed"));
  expect(made.store.get()).toMatchObject({ at: "closed", problem: { code: "forbidden" } });
  expect(kept()).toBeUndefined();
});

test("what comes late from one that was left changes nothing", () => {
  const { desk: made, screen, shells, text } = desk();
  made.show(screen);
  made.open();
  shells[0]?.opened("one", 0);
  made.end();
  shells[0]?.output(new TextEncoder().encode("late"));
  shells[0]?.ended({ how: "code 1", reason: undefined });
  expect([text(), made.store.get().at]).toEqual(["", "cut"]);
});

test("what was asked before is not answered again", () => {
  const { desk: made, screen, shells, say } = desk("one");
  made.show({
    ...screen,
    write(bytes, shown) {
      made.type(utf8("answer "));
      screen.write(bytes, shown);
    },
  });
  made.begin();
  shells[0]?.opened("one", 6);
  say("past");
  say("past and more");
  expect(shells[0]?.typed).toBe("");
  say("more");
  expect(shells[0]?.typed).toBe("answer ");
});
