// The sign-in link in the address bar. Its secret stands after `#`, so no server, log or preview ever sees it;
// it is taken out of the address bar before anything else happens, and spent only by a click.
import { parseLoginLink, type LoginLink } from "../../../src/identity/login-link.ts";

export type { LoginLink };

/** Undefined when the fragment is no sign-in link at all; "malformed" when it began as one and got cut. */
export function readLoginLink(fragment: string): LoginLink | "malformed" | undefined {
  if (!fragment.startsWith("#login")) return undefined;
  return parseLoginLink(fragment) ?? "malformed";
}

/** Reads the link and removes it from the address bar and from this tab's history. */
export function takeLoginLink(location: Location, history: History): LoginLink | "malformed" | undefined {
  const link = readLoginLink(location.hash);
  if (link !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return link;
}
