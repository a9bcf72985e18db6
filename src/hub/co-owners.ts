// Which device is shared with which other owner, read from the logs of both: it is so while both say it.
import { isShared } from "../identity/owner-log-shares.ts";
import type { OwnerLog } from "../identity/owner-log.ts";
import { toBase64Url } from "../protocol/bytes.ts";

interface Logs {
  get(ownerRoot: string): OwnerLog | undefined;
}

interface OwnedDevice {
  owner_root: string;
  public_key: Uint8Array;
}

/** The owners that a device has beside its own. */
export function coOwnersOf(logs: Logs, { owner_root, public_key }: OwnedDevice): string[] {
  const own = logs.get(owner_root);
  const named = own?.coOwners() ?? [];
  if (own === undefined || named.length === 0) return [];
  const device = toBase64Url(public_key);
  return named.flatMap((one) => {
    const other = one.device === device ? logs.get(one.owner) : undefined;
    return other !== undefined && isShared(own, other, public_key) ? [one.owner] : [];
  });
}

/** Those whom its own owner's log names, and whether they have it still by their own. */
export function coOwnersNamed(
  logs: Logs,
  device: OwnedDevice,
): { owner: string; name: string; holds: boolean }[] {
  const named = logs.get(device.owner_root)?.coOwners() ?? [];
  if (named.length === 0) return [];
  const key = toBase64Url(device.public_key);
  const holding = new Set(coOwnersOf(logs, device));
  return named.flatMap(({ device: shared, owner, name }) =>
    shared === key ? [{ owner, name, holds: holding.has(owner) }] : [],
  );
}

/** Keys of others' devices that this owner commands too. */
export function sharedWith(logs: Logs, ownerRoot: string): Uint8Array[] {
  const log = logs.get(ownerRoot);
  if (log === undefined) return [];
  return log.participants().flatMap(({ publicKey, sharedBy }) => {
    const own = sharedBy === undefined ? undefined : logs.get(sharedBy);
    return own !== undefined && isShared(own, log, publicKey) ? [publicKey] : [];
  });
}

/** Whether a key commands the device, by the log of its own owner or that of a co-owner; the device looks again. */
export function commandsDevice(
  logs: Logs,
  device: OwnedDevice,
  { key, nowMs }: { key: Uint8Array; nowMs: number },
): boolean {
  const own = logs.get(device.owner_root);
  // As the device has it: who stands in the log of its own owner is judged by that alone.
  if (own?.participant(key) !== undefined) return own.mayCommand(key, nowMs);
  return coOwnersOf(logs, device).some((root) => logs.get(root)?.mayCommand(key, nowMs) === true);
}
