// What a key types into a terminal, as xterm says it. Undefined is for the browser: letters come by the field that has
// the focus, so that every keyboard and language works; copying and pasting stay as they are everywhere.

export interface PressedKey {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

const ESC = "\u001B";
/** Cursor keys: their final, behind `CSI`, or `SS3` where a program wants it so. */
const ARROWS: Partial<Record<string, string>> = {
  ArrowUp: "A",
  ArrowDown: "B",
  ArrowRight: "C",
  ArrowLeft: "D",
  End: "F",
  Home: "H",
};
const NUMBERED: Partial<Record<string, number>> = {
  Insert: 2,
  Delete: 3,
  PageUp: 5,
  PageDown: 6,
  F5: 15,
  F6: 17,
  F7: 18,
  F8: 19,
  F9: 20,
  F10: 21,
  F11: 23,
  F12: 24,
};
const LETTERED: Partial<Record<string, string>> = { F1: "P", F2: "Q", F3: "R", F4: "S" };
const PLAIN: Partial<Record<string, string>> = { Enter: "\r", Tab: "\t", Escape: ESC, Backspace: "\u007F" };

export function typedKey(pressed: PressedKey, wants: { arrows: boolean }): string | undefined {
  const { key, ctrlKey, altKey, metaKey, shiftKey } = pressed;
  if (metaKey || (ctrlKey && shiftKey)) return undefined;
  // Out of the terminal: whoever has no mouse must not be caught in it.
  if (key === "Tab" && shiftKey) return undefined;
  const modifier = 1 + (shiftKey ? 1 : 0) + (altKey ? 2 : 0) + (ctrlKey ? 4 : 0);
  const arrow = ARROWS[key];
  if (arrow !== undefined) {
    if (modifier > 1) return `${ESC}[1;${modifier}${arrow}`;
    return `${ESC}${wants.arrows ? "O" : "["}${arrow}`;
  }
  const number = NUMBERED[key];
  if (number !== undefined) return `${ESC}[${number}${modifier > 1 ? `;${modifier}` : ""}~`;
  const letter = LETTERED[key];
  if (letter !== undefined) return modifier > 1 ? `${ESC}[1;${modifier}${letter}` : `${ESC}O${letter}`;
  const plain = PLAIN[key];
  if (plain !== undefined) return altKey ? ESC + plain : plain;
  if (ctrlKey) return altKey ? undefined : controlOf(key);
  return altKey && key.length === 1 ? ESC + key : undefined;
}

function controlOf(key: string): string | undefined {
  // What a person pastes is one thing everywhere.
  if (key.toLowerCase() === "v") return undefined;
  if (/^[a-z@[\\\]^_]$/i.test(key)) return String.fromCharCode(key.toUpperCase().charCodeAt(0) & 0x1f);
  return key === " " ? "\0" : undefined;
}

/** Text from a clipboard: marked where the program wants it so, and then unable to end the mark by itself. */
export function pastedText(text: string, wants: { paste: boolean }): string {
  const lines = text.replaceAll(/\r?\n/g, "\r");
  return wants.paste ? `${ESC}[200~${lines.replaceAll(ESC, "")}${ESC}[201~` : lines;
}
