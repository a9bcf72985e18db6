// The way back to a share from whose door somebody was sent to sign in. It comes in the fragment, which anyone can
// write: only the door of this very hub is ever gone to, with a nonce, so that it asks before it opens.

const KEPT_AS = "muster.way-back";
const HOST = /^[a-z0-9.-]{1,290}(?::\d{1,5})?$/i;
const NONCE = /^[A-Za-z0-9_-]{43}$/;

/** A path of the hub's own page; undefined for anything but a door with a nonce. */
export function readWayBack(fragment: string): string | undefined {
  if (!fragment.startsWith("#then=") || fragment.length > 1_000) return undefined;
  const asked = new URLSearchParams(new URLSearchParams(fragment.slice(1)).get("then") ?? "");
  const to = asked.get("to") ?? "";
  const nonce = asked.get("nonce") ?? "";
  if (!HOST.test(to) || !NONCE.test(nonce)) return undefined;
  return `/access?${new URLSearchParams({ to, nonce }).toString()}`;
}

/** Moves it from the address bar into this tab's memory, where a login link that is opened next leaves it. */
export function keepWayBack(location: Location, history: History, storage: Storage): void {
  if (!location.hash.startsWith("#then=")) return;
  const path = readWayBack(location.hash);
  if (path !== undefined) storage.setItem(KEPT_AS, location.hash);
  history.replaceState(null, "", location.pathname + location.search);
}

/** Once. */
export function takeWayBack(storage: Storage): string | undefined {
  const kept = storage.getItem(KEPT_AS);
  storage.removeItem(KEPT_AS);
  return kept === null ? undefined : readWayBack(kept);
}
