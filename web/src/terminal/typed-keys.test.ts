import { expect, test } from "bun:test";
import { pastedText, typedKey, type PressedKey } from "./typed-keys.ts";

function typed(key: string, held: Partial<PressedKey> = {}, arrows = false): string | undefined {
  const none = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false };
  return typedKey({ key, ...none, ...held }, { arrows });
}

test("keys without letters are typed as xterm says them", () => {
  expect(["Enter", "Tab", "Escape", "Backspace"].map((key) => typed(key))).toEqual([
    "\r",
    "\t",
    "\u001B",
    "\u007F",
  ]);
  expect([typed("ArrowUp"), typed("ArrowUp", {}, true)]).toEqual(["\u001B[A", "\u001BOA"]);
  expect(typed("ArrowLeft", { ctrlKey: true })).toBe("\u001B[1;5D");
  expect([typed("Delete"), typed("F1"), typed("F12"), typed("PageUp")]).toEqual([
    "\u001B[3~",
    "\u001BOP",
    "\u001B[24~",
    "\u001B[5~",
  ]);
});

test("control and alt make what they make in a terminal", () => {
  expect([
    typed("c", { ctrlKey: true }),
    typed(" ", { ctrlKey: true }),
    typed("[", { ctrlKey: true }),
  ]).toEqual(["\u0003", "\0", "\u001B"]);
  expect(typed("b", { altKey: true })).toBe("\u001Bb");
});

test("letters, the clipboard, the browser's own keys and the way out are the browser's", () => {
  expect([typed("a"), typed("é"), typed("Shift", { shiftKey: true })]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(typed("v", { ctrlKey: true })).toBeUndefined();
  expect(typed("C", { ctrlKey: true, shiftKey: true })).toBeUndefined();
  expect(typed("Tab", { shiftKey: true })).toBeUndefined();
  expect(typed("ArrowLeft", { metaKey: true })).toBeUndefined();
  // AltGr of many keyboards.
  expect(typed("@", { ctrlKey: true, altKey: true })).toBeUndefined();
});

test("pasted text can't leave its mark", () => {
  expect(pastedText("a\r\nb\n", { paste: false })).toBe("a\rb\r");
  expect(pastedText("x\u001B[201~rm\n", { paste: true })).toBe("\u001B[200~x[201~rm\r\u001B[201~");
});
