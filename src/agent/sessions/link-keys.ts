// Which link key a caller has, by this device's own copy of the owner log. One that was taken out keeps the key it
// had: it is to hear why it is refused, inside, from the device itself.
import type { OwnerLog } from "../../identity/owner-log.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";

export function linkKeyOf(log: OwnerLog, publicKey: Uint8Array): Uint8Array | undefined {
  return log.participant(publicKey)?.linkKey ?? formerLinkKey(log, publicKey);
}

function formerLinkKey(log: OwnerLog, publicKey: Uint8Array): Uint8Array | undefined {
  if (!log.wasRemoved(publicKey)) return undefined;
  const key = toBase64Url(publicKey);
  for (const entry of log.entries) {
    if (!entry.body.includes('"link_key"')) continue;
    // Bodies of a checked log are the canonical JSON of their kind.
    const body = JSON.parse(entry.body) as { public_key?: string; link_key?: string };
    const named = body.public_key ?? (entry.kind === "begin" ? entry.by : undefined);
    const linkKey = named === key ? fromBase64Url(body.link_key ?? "") : undefined;
    if (linkKey?.length === 32) return linkKey;
  }
  return undefined;
}
