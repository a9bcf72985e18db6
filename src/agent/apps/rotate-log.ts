// Keeps an app's log bounded. The app writes to the file itself, so that it can outlive the agent; rotating is
// therefore copying the end of it aside and emptying it in place (the app's descriptor appends).
import type { Disk } from "../../world/world.ts";

export const LOG_MAX_BYTES = 10 * 1024 * 1024;
/** LOG.1 is the youngest. */
export const LOGS_KEPT = 3;

/** The log and what is kept of it, whether there or not. */
export function rotatedLogs(path: string): string[] {
  return [path, ...Array.from({ length: LOGS_KEPT }, (_, index) => `${path}.${index + 1}`)];
}

/** Rotates when the log has outgrown its bound; says whether it did. */
export async function rotateLog(disk: Disk, path: string): Promise<boolean> {
  const info = await disk.info(path);
  if (info === undefined || info.size <= LOG_MAX_BYTES) return false;
  for (let kept = LOGS_KEPT - 1; kept >= 1; kept -= 1) {
    if ((await disk.info(`${path}.${kept}`)) !== undefined)
      await disk.rename(`${path}.${kept}`, `${path}.${kept + 1}`);
  }
  await disk.write(`${path}.1`, await lastBytes(disk, path, LOG_MAX_BYTES));
  await disk.empty(path);
  return true;
}

async function lastBytes(disk: Disk, path: string, length: number): Promise<Uint8Array> {
  const file = await disk.open(path);
  try {
    return await file.read(Math.max(0, file.info.size - length), length);
  } finally {
    await file.close();
  }
}
