// Whether this browser's terminals are read to a screen reader: it costs drawing everything twice, and no page can tell
// whether somebody listens.

const KEY = "muster-read-aloud";

export function isReadAloud(storage: Pick<Storage, "getItem">): boolean {
  try {
    return storage.getItem(KEY) !== null;
  } catch {
    return false; // storage is switched off
  }
}

export function rememberReadAloud(storage: Pick<Storage, "setItem" | "removeItem">, on: boolean): void {
  try {
    if (on) storage.setItem(KEY, "on");
    else storage.removeItem(KEY);
  } catch {
    // It holds until the page is closed.
  }
}
