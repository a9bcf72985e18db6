// The link behind a QR code, in the address bar. Its secret stands after `#`; it is taken out of the address bar and
// of this tab's history before anything else happens, and nothing is said to anybody before a click.
import { parsePairingFragment, type PairingLink } from "../../../src/protocol/pairing-code.ts";

/** "malformed" for a fragment that is none: it may be a link that got cut. */
export function readPairingLink(fragment: string, hub: string): PairingLink | "malformed" | undefined {
  if (fragment === "" || fragment === "#") return undefined;
  try {
    return { hub, ...parsePairingFragment(fragment) };
  } catch {
    return "malformed";
  }
}

/** Reads the link and removes it. */
export function takePairingLink(location: Location, history: History): PairingLink | "malformed" | undefined {
  const link = readPairingLink(location.hash, location.origin);
  if (link !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return link;
}
