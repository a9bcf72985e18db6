// The page of a folder that has no index.html: its files, so that publishing a folder is enough to hand them
// over.

import { escapeHtml, plainPage } from "../../protocol/plain-page.ts";
import type { FolderListing } from "./page-files.ts";

/** `names` are those of the folder below the share's root; none is the root itself. */
export function listingPage(shareName: string, names: readonly string[], listing: FolderListing): string {
  const title = [shareName, ...names].join(" / ");
  const rows: string[] =
    names.length === 0 ? [] : [`<tr><td><a href="../">..</a></td><td></td><td></td></tr>`];
  for (const { name, kind, size, modifiedAt } of listing.entries) {
    const slash = kind === "folder" ? "/" : "";
    // "./" keeps a name with a colon from being read as a scheme.
    const href = `./${encodeURIComponent(name.toWellFormed())}${slash}`;
    const time = new Date(modifiedAt).toISOString();
    rows.push(
      `<tr><td><a href="${href}">${escapeHtml(name)}${slash}</a></td>` +
        `<td>${kind === "folder" ? "" : sizeText(size)}</td>` +
        `<td><time datetime="${time}">${time.slice(0, 16).replace("T", " ")} UTC</time></td></tr>`,
    );
  }
  const empty = listing.entries.length === 0 ? `<p class="quiet">This folder is empty.</p>` : "";
  const cut = listing.cut
    ? `<p class="quiet">Only the first ${listing.entries.length} entries are shown.</p>`
    : "";
  return plainPage({
    title,
    body: `<h1>${escapeHtml(title)}</h1>\n<table>\n${rows.join("\n")}\n</table>\n${empty}${cut}`,
  });
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function sizeText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit] ?? ""}`;
}
