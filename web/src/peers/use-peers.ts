// How components reach the paired devices: the actions, and the state by selection.
import { useSyncExternalStore } from "react";
import { usePage } from "../state/use-page.ts";
import type { PeersState } from "./peers-state.ts";
import type { PeersSessionActions } from "./peers-session.ts";

export function usePeers(): PeersSessionActions {
  return usePage().peers;
}

/** `select` must give back the same object while nothing in it changed. */
export function usePeersState<Part>(select: (state: PeersState) => Part): Part {
  const { store } = usePage().peers;
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
