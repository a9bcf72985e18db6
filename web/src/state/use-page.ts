// How components reach the page: its actions by context, its state by selection, its clock by the second.
import { createContext, useContext, useSyncExternalStore } from "react";
import { browserWorld } from "../platform/browser-world.ts";
import type { Page } from "../session/page.ts";
import type { PageState } from "./page-state.ts";

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === null) throw new Error("this component stands outside of the page");
  return page;
}

/** `select` must give back the same object while nothing in it changed. */
export function usePageState<Part>(select: (state: PageState) => Part): Part {
  const { store } = usePage();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}

/** Now by the hub's clock, in milliseconds; changes once a second. */
export function useHubNow(): number {
  const offsetMs = usePageState((state) => state.clockOffsetMs);
  return useSyncExternalStore(watchSeconds, currentSecond) + offsetMs;
}

/** Now by this browser's own clock, for what it has counted itself. */
export function useNow(): number {
  return useSyncExternalStore(watchSeconds, currentSecond);
}

/** The moment the fleet on the page was true: now while the hub is there, its last word otherwise. */
export function useAsOf(): number {
  const now = useHubNow();
  const ready = usePageState((state) => state.hubLink.at === "ready");
  const heardAt = usePageState((state) => state.heardAt);
  return ready ? now : (heardAt ?? now);
}

// One timer for every age on the page, running only while somebody looks at one.
const watchers = new Set<() => void>();
let second = browserWorld.clock.now();
let ticking: { cancel(): void } | undefined;

function watchSeconds(watcher: () => void): () => void {
  // While nobody looked, time went on.
  if (watchers.size === 0) second = browserWorld.clock.now();
  watchers.add(watcher);
  ticking ??= browserWorld.timers.every(1000, tick);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    ticking?.cancel();
    ticking = undefined;
  };
}

function tick(): void {
  second = browserWorld.clock.now();
  for (const watcher of watchers) watcher();
}

function currentSecond(): number {
  return second;
}
