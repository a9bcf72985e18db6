import { expect, test } from "bun:test";
import type { ShellEvents, ShellWish } from "../../../src/client/commands/remote-shell.ts";
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
        input: (bytes) => void (shell.typed += new TextDecoder().decode(bytes)),
        resize: ({ cols }) => void shell.sizes.push(cols),
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
    soon: (draw) => draw(),
  });
  const text = (): string => made.screen.rows.flatMap((row) => row.runs().map((run) => run.text)).join("");
  const say = (said: string): void => shells.at(-1)?.output(new TextEncoder().encode(said));
  return { desk: made, shells, text, say, waiting, kept: () => remembered };
}

test("what the device writes is drawn, what it asks is answered, what is typed is sent", () => {
  const { desk: made, shells, text, say } = desk();
  made.begin();
  expect(shells).toEqual([]);
  made.open();
  made.resize({ cols: 100, rows: 30 });
  shells[0]?.opened("one");
  say("$ \u001B[6n");
  made.type("ls\r");
  expect([text(), shells[0]?.typed, made.store.get().at]).toEqual(["$", "\u001B[1;3Rls\r", "open"]);
  expect(shells[0]?.sizes).toEqual([100]);
  shells[0]?.ended({ how: "code 0", reason: undefined });
  expect(made.store.get()).toMatchObject({ at: "closed", ended: "code 0" });
  made.open();
  expect(shells[1]?.wish).toEqual({ cols: 100, rows: 30, session: undefined });
});

test("one that was cut or left is taken up again, on an empty screen", () => {
  const { desk: made, shells, text, say, waiting, kept } = desk();
  made.begin();
  made.open();
  shells[0]?.opened("one");
  say("before");
  shells[0]?.failed(new MusterError("session_cut", "it was cut"));
  expect([made.store.get().at, text()]).toEqual(["cut", "before"]);
  waiting.shift()?.();
  shells[1]?.opened("one");
  expect([shells[1]?.wish.session, text()]).toEqual(["one", ""]);
  made.end();
  shells[1]?.failed(new MusterError("unavailable", "the session was closed here"));
  expect([shells[1]?.left, made.store.get().at, kept()]).toEqual([true, "cut", "one"]);
  made.begin();
  expect(shells[2]?.wish.session).toBe("one");
});

test("one whose time is over is opened anew, and a refusal closes it", () => {
  const { desk: made, shells, kept } = desk("old");
  expect(made.store.get().at).toBe("cut");
  made.begin();
  shells[0]?.failed(new MusterError("not_found", "there is no such shell"));
  expect(shells[1]?.wish.session).toBeUndefined();
  shells[1]?.opened("new");
  expect(kept()).toBe("new");
  shells[1]?.failed(new MusterError("forbidden", "this key was removed"));
  expect(made.store.get()).toMatchObject({ at: "closed", problem: { code: "forbidden" } });
  expect(kept()).toBeUndefined();
});

test("what comes late from one that was left changes nothing", () => {
  const { desk: made, shells, text } = desk();
  made.open();
  shells[0]?.opened("one");
  made.end();
  shells[0]?.output(new TextEncoder().encode("late"));
  shells[0]?.ended({ how: "code 1", reason: undefined });
  expect([text(), made.store.get().at]).toEqual(["", "cut"]);
});
