// A path, walked hop by hop until one is broken. Those behind it are named and not asked.

import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Clock } from "../../world/world.ts";

export interface Hop {
  name: string;
  /** null: it was not asked. */
  ok: boolean | null;
  /** Milliseconds; null where there was nothing to wait for. */
  ms: number | null;
  detail: string;
}

export interface Walk {
  ok: boolean;
  hops: Hop[];
  /** What is broken, and what to do about it; null where nothing is. */
  cause: string | null;
  fix: string | null;
}

/** What was seen there; `ms` in place of the time that the look took. */
export interface Seen {
  detail: string;
  ms?: number | null;
  unasked?: true;
}

export interface Station {
  name: string;
  /** Throws a MusterError: the cause, with the fix as its hint. */
  look(): Promise<Seen>;
  /** One beside the path: those behind it are asked although it is broken. */
  aside?: true;
}

export async function walk(
  stations: readonly Station[],
  { clock, hear }: { clock: Clock; hear: (name: string) => void },
): Promise<Walk> {
  const hops: Hop[] = [];
  let broken: MusterError | undefined;
  let isCut = false;
  for (const { name, look, aside } of stations) {
    if (isCut) {
      hops.push({ name, ok: null, ms: null, detail: "not reached" });
      continue;
    }
    hear(name);
    const beganAt = clock.monotonic();
    try {
      const { detail, ms = clock.monotonic() - beganAt, unasked } = await look();
      hops.push({ name, ok: unasked === true ? null : true, ms: tenths(ms), detail });
    } catch (thrown) {
      const problem = publicError(thrown);
      if (problem.code === "internal") throw thrown;
      hops.push({ name, ok: false, ms: tenths(clock.monotonic() - beganAt), detail: problem.message });
      broken ??= problem;
      isCut = aside !== true;
    }
  }
  return {
    ok: broken === undefined,
    hops,
    cause: broken?.message ?? null,
    fix: broken?.hint ?? null,
  };
}

function tenths(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
