// Where in the page somebody is, as the address says it. Going elsewhere changes the address and nothing else: the
// session, the fleet and what is being typed to a pairing stay.

export type Place = "fleet" | "device" | "peers";

const PATHS: Record<Place, string> = { fleet: "/", device: "/device", peers: "/pair" };

export function placeAt(pathname: string): Place {
  if (pathname === PATHS.device) return "device";
  return pathname === PATHS.peers ? "peers" : "fleet";
}

export function pathOf(place: Place): string {
  return PATHS[place];
}
