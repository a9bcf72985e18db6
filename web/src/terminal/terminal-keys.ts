// What is typed beyond what the emulator hears by itself: the keys that phones lack, and text that is pasted. And what it
// must not hear, because it is the browser's.

export interface PressedKey {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

/** Copying and pasting are what they are everywhere; and whoever has no mouse must not be caught in a terminal. */
export function isForBrowser(pressed: PressedKey, hasSelection: boolean): boolean {
  const { key, ctrlKey, altKey, metaKey, shiftKey } = pressed;
  if (metaKey || (ctrlKey && shiftKey)) return true;
  if (key === "Tab" && shiftKey) return true;
  if (!ctrlKey || altKey) return false;
  const letter = key.toLowerCase();
  return letter === "v" || (letter === "c" && hasSelection);
}

export type TouchKey = "Escape" | "Tab" | "Control C" | "Control D" | "Up" | "Down" | "Left" | "Right";

/** Behind `CSI`, or `SS3` where a program wants its arrows so. */
const ARROWS: Partial<Record<TouchKey, string>> = { Up: "A", Down: "B", Right: "C", Left: "D" };
const PLAIN: Partial<Record<TouchKey, string>> = {
  Escape: "\u001B",
  Tab: "\t",
  "Control C": "\u0003",
  "Control D": "\u0004",
};

export function touchedKey(key: TouchKey, wants: { applicationCursorKeysMode: boolean }): string {
  const arrow = ARROWS[key];
  if (arrow === undefined) return PLAIN[key] ?? "";
  return `\u001B${wants.applicationCursorKeysMode ? "O" : "["}${arrow}`;
}

/** Without control characters, so that it can neither end the mark of a paste by itself nor press a key. */
export function pastedText(text: string): string {
  return text.replaceAll(/(?![\t\n\r])\p{Cc}/gu, "");
}
