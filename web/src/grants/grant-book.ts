// Who uses what devices offer without being one of them, as the owner log has it. Names of devices are those of the log;
// `deviceName` gives today's.
import type { Crypto } from "../../../src/identity/crypto.ts";
import type { Grant, Participant } from "../../../src/identity/owner-log-state.ts";
import type { OwnerLog } from "../../../src/identity/owner-log.ts";
import { fromBase64Url, toBase64Url } from "../../../src/protocol/bytes.ts";
import type { MusterError } from "../../../src/protocol/errors.ts";
import { deviceIdOf } from "../../../src/protocol/ids.ts";
import type { FleetView } from "../../../src/protocol/views.ts";

export interface LoggedDevice {
  id: string;
  /** Null for a key that has left the log. */
  name: string | null;
}

export interface ShownGrant extends Pick<Grant, "name" | "holder" | "scopes" | "capabilities" | "untilMs"> {
  /** Of a program or a device that of its key, of an owner that of their log. */
  id: string;
  /** Where it holds; null is everywhere. */
  devices: readonly LoggedDevice[] | null;
  /** Number of its entry, which is all that a log without a clock says of when. */
  entry: number;
  /** Who signed it. */
  by: LoggedDevice;
}

export interface GrantBook {
  /** The newest first. */
  items: readonly ShownGrant[];
  /** Machines of the owner, of which something may be lent. */
  devices: readonly LoggedDevice[];
  /** Those that may write the log: browsers never do. */
  admins: readonly LoggedDevice[];
  /** Why none of it is to be believed. */
  problem: MusterError | null;
}

interface Reading {
  crypto: Crypto;
  nowMs: number;
  problem: MusterError | undefined;
}

export function readGrants(log: OwnerLog, { crypto, nowMs, problem }: Reading): GrantBook {
  const logged = (publicKey: Uint8Array): LoggedDevice => ({
    id: deviceIdOf(crypto.sha256(publicKey)),
    name: log.participant(publicKey)?.name ?? null,
  });
  const own = log.participants().filter(({ sharedBy }) => sharedBy === undefined);
  const keys = (some: readonly Participant[]): LoggedDevice[] =>
    some.map(({ publicKey }) => logged(publicKey));
  return {
    items: log
      .grants()
      .map((grant) => shown(log, grant, logged))
      .toSorted((one, other) => other.entry - one.entry),
    devices: keys(own.filter(({ kind }) => kind !== "browser")),
    admins: keys(own.filter(({ publicKey }) => log.mayAdmin(publicKey, nowMs))),
    problem: problem ?? null,
  };
}

function shown(log: OwnerLog, grant: Grant, logged: (key: Uint8Array) => LoggedDevice): ShownGrant {
  const { publicKey, name, holder, scopes, capabilities, devices, untilMs, entry } = grant;
  return {
    id: holder === "owner" ? toBase64Url(publicKey) : logged(publicKey).id,
    name,
    holder,
    scopes,
    capabilities,
    untilMs,
    entry,
    devices: devices?.map((key) => logged(bytesOf(key))) ?? null,
    by: logged(bytesOf(log.entries[entry]?.by ?? "")),
  };
}

/** What it is called today; a name that the hub gives is for the eye, and no more. */
export function deviceName({ id, name }: LoggedDevice, fleet: FleetView | null): string {
  return fleet?.devices.find((device) => device.id === id)?.name ?? name ?? "a removed device";
}

/** "atlas", "atlas or studio": where a command that writes the log may be run. */
export function anyOf(admins: readonly LoggedDevice[], fleet: FleetView | null): string {
  return admins.map((one) => deviceName(one, fleet)).join(" or ");
}

export function isOver({ untilMs }: Pick<ShownGrant, "untilMs">, nowMs: number): boolean {
  return untilMs !== null && nowMs >= untilMs;
}

/** "models, read", "llm.chat, embeddings". */
export function usesOf({ scopes, capabilities }: Pick<ShownGrant, "scopes" | "capabilities">): string {
  return scopes
    .flatMap((scope) => (scope === "capabilities" && capabilities !== null ? capabilities : [scope]))
    .join(", ");
}

/** A verified log has no other. */
function bytesOf(text: string): Uint8Array {
  return fromBase64Url(text) ?? new Uint8Array(0);
}
