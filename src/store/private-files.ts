// Secrets lie in files that only this user can read; where others could, the program does not start.

import { MusterError } from "../protocol/errors.ts";
import type { FileInfo } from "../world/world.ts";

const OTHERS = 0o077;

/** Throws `state_unsafe` when group or others have any right to the file or folder. */
export function checkPrivate(path: string, info: Pick<FileInfo, "mode" | "kind">): void {
  if ((info.mode & OTHERS) === 0) return;
  const right = info.kind === "folder" ? "700" : "600";
  const mode = (info.mode & 0o777).toString(8).padStart(3, "0");
  throw new MusterError("state_unsafe", `"${path}" can be used by others on this machine (mode ${mode})`, {
    hint: `chmod ${right} '${path.replaceAll("'", String.raw`'\''`)}'`,
  });
}
