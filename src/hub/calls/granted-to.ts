// Whose devices a request may go to beside the asker's own, by what owner logs grant. The device looks again.
import { coversCapability } from "../../identity/grant-covers.ts";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { fromBase64Url } from "../../protocol/bytes.ts";
import type { Asked, GrantAsked } from "./asked.ts";

interface Logs {
  granting(grantee: string): string[];
  get(ownerRoot: string): OwnerLog | undefined;
}

/** Who lets this key use a capability, or all who stand in the log that it asks by, and where. */
export function grantedTo(logs: Logs, { key, log, protocol }: GrantAsked, nowMs: number): Asked["granted"] {
  const publicKey = fromBase64Url(key);
  if (publicKey === undefined) return [];
  const isOfOwner = logs.get(log)?.roleOf(publicKey, nowMs) !== undefined;
  const roots = new Set([...logs.granting(key), ...(isOfOwner ? logs.granting(log) : [])]);
  return [...roots].flatMap((root) => {
    const other = logs.get(root);
    const grants = [
      ...(other?.grantsOf(publicKey, nowMs) ?? []),
      ...(isOfOwner ? (other?.ownerGrantsOf(log, nowMs) ?? []) : []),
    ];
    return grants
      .filter((grant) => coversCapability(grant, protocol))
      .map(({ devices }) => ({ root, devices }));
  });
}
