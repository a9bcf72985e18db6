// Stream ids: the hub opens odd ones, the agent even ones, each side in ascending order. They run round
// after 2^31 streams (hours at full load), so "earlier" and "later" are those of serial numbers (RFC 1982).

export type TrunkRole = "hub" | "agent";

const HALF = 0x8000_0000;

export function firstId(role: TrunkRole): number {
  return role === "hub" ? 1 : 2;
}

export function isIdOf(role: TrunkRole, id: number): boolean {
  return (id & 1) === (role === "hub" ? 1 : 0);
}

/** Whether `id` was used before `last` or is it, both of one side. `last` is 0 when that side opened none. */
export function wasUsed(id: number, last: number): boolean {
  return last !== 0 && (last - id) >>> 0 < HALF;
}

/** The id after `last` that is not in use. `last` is 0 when this side has opened none. */
export function nextId(role: TrunkRole, last: number, inUse: (id: number) => boolean): number {
  let id = last;
  do {
    id = id === 0 ? firstId(role) : (id + 2) >>> 0;
  } while (id === 0 || inUse(id));
  return id;
}
