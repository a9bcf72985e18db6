// The link that shares a device, in the address bar. Its token stands after `#`, so no server, log or preview ever sees
// it; it is taken out of the address bar before anything else happens, and used only by a click.
import { Secret } from "../../../src/identity/secret.ts";
import { parseShareToken } from "../../../src/protocol/setup-token.ts";

export type ShareToken = Secret<string>;

/** Undefined where nothing stands there; "malformed" for what is no whole token. */
export function readShareLink(fragment: string): ShareToken | "malformed" | undefined {
  const text = fragment.replace(/^#/, "").trim();
  if (text === "") return undefined;
  try {
    parseShareToken(text);
    return new Secret(text);
  } catch {
    return "malformed"; // it began as a link, and got cut
  }
}

/** Reads the link and removes it from the address bar and from this tab's history. */
export function takeShareLink(location: Location, history: History): ShareToken | "malformed" | undefined {
  const link = readShareLink(location.hash);
  if (link !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return link;
}
