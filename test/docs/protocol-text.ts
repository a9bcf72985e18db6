// docs/protocol.md as its tests read it.
import { join } from "node:path";

const text = await Bun.file(join(import.meta.dir, "../../docs/protocol.md")).text();

/** The values in the row of a table that begins with this cell. */
export function row(cell: string): string {
  const line = text.split("\n").find((one) => one.startsWith(`| ${cell}`)) ?? "";
  return Array.from((line.split("|")[2] ?? "").matchAll(/`([^`]+)`/g), ([, value]) => value).join("");
}
