// Where in the page somebody is, as the address says it. Going elsewhere changes the address and nothing else: the
// session, the fleet and what is being typed to a pairing stay.

export type Place = "fleet" | "claim" | "device" | "peers" | "search" | "grants" | "machine";

const PATHS: Record<Exclude<Place, "machine">, string> = {
  fleet: "/",
  claim: "/claim",
  device: "/device",
  peers: "/pair",
  search: "/search",
  grants: "/grants",
};
/** One device of the fleet by its name, and perhaps one of its tasks. */
const MACHINE = /^\/devices\/([a-z0-9-]{1,63})(?:\/([0-9a-f-]{36}))?$/;

export function placeAt(pathname: string): Place {
  if (machineAt(pathname) !== null) return "machine";
  // The keys of the table are places.
  const places = Object.keys(PATHS) as (keyof typeof PATHS)[];
  return places.find((place) => PATHS[place] === pathname) ?? "fleet";
}

/** Name or id of the device that the page is about. */
export function machineAt(pathname: string): string | null {
  return MACHINE.exec(pathname)?.[1] ?? null;
}

/** Id of the task that is to be open there. */
export function taskAt(pathname: string): string | null {
  return MACHINE.exec(pathname)?.[2] ?? null;
}

export function pathOf(place: Exclude<Place, "machine">): string {
  return PATHS[place];
}

export function pathOfMachine(name: string, task?: string): string {
  const path = `/devices/${encodeURIComponent(name)}`;
  return task === undefined ? path : `${path}/${encodeURIComponent(task)}`;
}
