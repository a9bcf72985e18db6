// How long to wait before dialling again: doubling, with a bound, and spread so that a thousand clients that
// lost one hub at the same moment do not come back at the same moment.

export interface BackOff {
  firstMs: number;
  mostMs: number;
}

/**
 * Milliseconds before attempt `failures + 1`, where `failures` attempts in a row have failed (at least 1).
 * `fraction` is uniform in [0, 1): the wait lies between half of the step and the whole of it.
 */
export function backOffMs(failures: number, fraction: number, bounds: BackOff): number {
  // 2 ** 30 is past any bound that makes sense and keeps the product a safe integer.
  const step = Math.min(bounds.mostMs, bounds.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(step * (0.5 + 0.5 * fraction));
}
