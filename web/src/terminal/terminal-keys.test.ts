import { expect, test } from "bun:test";
import { isForBrowser, pastedText, touchedKey, type PressedKey } from "./terminal-keys.ts";

const NONE = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false };

function leaves(key: string, held: Partial<PressedKey> = {}, hasSelection = false): boolean {
  return isForBrowser({ key, ...NONE, ...held }, hasSelection);
}

test("the clipboard, the browser's own keys and the way out are the browser's", () => {
  expect(leaves("v", { ctrlKey: true })).toBe(true);
  expect(leaves("C", { ctrlKey: true, shiftKey: true })).toBe(true);
  expect(leaves("Tab", { shiftKey: true })).toBe(true);
  expect(leaves("ArrowLeft", { metaKey: true })).toBe(true);
  expect(leaves("c", { ctrlKey: true }, true)).toBe(true);
});

test("all else is the terminal's", () => {
  expect(leaves("c", { ctrlKey: true })).toBe(false);
  expect(leaves("Tab")).toBe(false);
  expect(leaves("v")).toBe(false);
  // AltGr of many keyboards.
  expect(leaves("@", { ctrlKey: true, altKey: true })).toBe(false);
});

test("keys under a screen are typed as a program wants them", () => {
  const [usual, application] = [{ applicationCursorKeysMode: false }, { applicationCursorKeysMode: true }];
  expect([touchedKey("Up", usual), touchedKey("Left", application)]).toEqual(["\u001B[A", "\u001BOD"]);
  expect([touchedKey("Escape", application), touchedKey("Control C", usual)]).toEqual(["\u001B", "\u0003"]);
});

test("pasted text presses no keys and can't leave its mark", () => {
  expect(pastedText("a\tb\r\nc\n")).toBe("a\tb\r\nc\n");
  expect(pastedText("x\u001B[201~rm\u0003\u009B201~\u0000\n")).toBe("x[201~rm201~\n");
});
