// How a call was refused, as "code: message", for tests; "none" when it was not. Anything but a MusterError
// is a fault of the program and goes through.

import { MusterError } from "../protocol/errors.ts";

export function refusal(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (thrown) {
    return worded(thrown);
  }
}

export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (thrown) {
    return worded(thrown);
  }
}

function worded(thrown: unknown): string {
  if (thrown instanceof MusterError) return `${thrown.code}: ${thrown.message}`;
  throw thrown;
}
