// Which share a person means: an exact id, an exact name, or the only id that begins so. What could mean two
// is refused with both named, never guessed.
import { MusterError } from "../../protocol/errors.ts";
import type { ShareRecord } from "./share-record.ts";

const CANDIDATES_SHOWN = 5;

/** Throws `not_found` or `ambiguous`. */
export function findShare(shares: readonly ShareRecord[], reference: string): ShareRecord {
  const exact =
    shares.find(({ row }) => row.id === reference) ?? shares.find(({ row }) => row.name === reference);
  if (exact !== undefined) return exact;
  const [first, ...others] = shares.filter(({ row }) => row.id.startsWith(reference));
  if (first === undefined) {
    throw new MusterError("not_found", `there is no share "${reference.slice(0, 64)}" on this device`, {
      hint: "`muster ls` lists them",
    });
  }
  if (others.length === 0) return first;
  const shown = [first, ...others].slice(0, CANDIDATES_SHOWN).map(({ row }) => `${row.id} (${row.name})`);
  const rest = others.length + 1 - shown.length;
  throw new MusterError(
    "ambiguous",
    `"${reference.slice(0, 64)}" could be ${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`,
    { hint: "give more of the id, or the name" },
  );
}
