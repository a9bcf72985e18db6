// Published test vectors that stand beside the checkout, in the folder that MUSTER_VECTORS names. Where there
// is none, their tests are skipped; a handful of values stands in the tests themselves.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The file's content, whose shape is its publisher's; undefined when it is not there. */
export function vectors(name: string): unknown {
  const folder = process.env["MUSTER_VECTORS"] ?? "";
  const file = join(folder, name);
  if (folder === "" || !existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, "utf8"));
}
