// Waiting in tests: for a condition, never for a time. What does not come true in its time fails by its name.

const LOOK_EVERY_MS = 25;
/** A look that runs the program takes a processor: it gets half of the time at most, the program's own work the rest. */
const REST_MAX_MS = 250;

/** Looks until the condition gives something other than false, undefined or null, and returns that. */
export async function until<Found>(
  what: string,
  condition: () => Promise<Found> | Found,
  withinMs = 10_000,
): Promise<NonNullable<Exclude<Found, false>>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const looked = performance.now();
    const found = await condition();
    // Neither of the two that are refused here.
    if (found !== false && found !== undefined && found !== null) return found as never;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await Bun.sleep(Math.min(Math.max(LOOK_EVERY_MS, performance.now() - looked), REST_MAX_MS));
  }
}

/** The promise, or an error that says what did not happen. */
export async function within<Result>(
  ms: number,
  what: string,
  promise: Promise<Result> | Result,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The message of an expected failure; "" when there was none. */
export function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "",
    (error: unknown) => String(error),
  );
}
