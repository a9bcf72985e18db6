// Request ids: short, unique over restarts, and free of anything about the visitor. They go with a request
// through every hop, into error pages and log lines.
import type { Random } from "../../world/world.ts";

const PREFIX_BYTES = 5;

export function requestIds(random: Random): () => string {
  const prefix = Array.from(random.bytes(PREFIX_BYTES), (byte) => byte.toString(36).padStart(2, "0")).join(
    "",
  );
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}
