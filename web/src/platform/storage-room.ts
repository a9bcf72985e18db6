// How much a browser keeps for this page, and for how long.

/** Whether it keeps so many bytes more, by its own estimate. */
export async function hasRoom(bytes: number): Promise<boolean> {
  // A browser that gives none keeps what it can, and says so when it can't.
  const { quota, usage } = await navigator.storage.estimate();
  return quota === undefined || usage === undefined || quota - usage > 2 * bytes;
}

/** Asks it to clear nothing by itself when it is short of room; its answer changes nothing here. */
export function persistStorage(): void {
  navigator.storage.persist().catch(() => {});
}
