// Which devices of an owner may be lent, and what each of them offers that a grant covers: what computes, and shows and
// changes nothing.
import type { DeviceView, FleetView } from "../../../src/protocol/views.ts";
import { deviceName, type GrantBook } from "./grant-book.ts";

export interface Lendable {
  id: string;
  name: string;
  offers: string[];
}

/** Whoever offers something stands first. */
export function lendable({ devices }: GrantBook, fleet: FleetView | null): Lendable[] {
  return devices
    .map((one) => ({
      id: one.id,
      name: deviceName(one, fleet),
      offers: offersOf(fleet?.devices.find(({ id }) => id === one.id)),
    }))
    .toSorted((one, other) => Number(other.offers.length > 0) - Number(one.offers.length > 0));
}

function offersOf(device: DeviceView | undefined): string[] {
  const computing = device?.capabilities?.filter((one) => one.class === "compute") ?? [];
  return [...new Set(computing.map(({ protocol }) => protocol))];
}
