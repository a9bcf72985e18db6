// A folder of built page files as assets: types by extension, etags by content.
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Asset } from "../protocol/assets.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

/** Every file below the folder, by its path in a URL, in the order of their names. */
export async function readAssetFiles(folder: string): Promise<[path: string, asset: Asset][]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.sort().map((file) => readAsset(folder, file)));
}

async function readAsset(folder: string, file: string): Promise<[string, Asset]> {
  const bytes = await Bun.file(file).bytes();
  const path = file.slice(folder.length).replaceAll("\\", "/");
  const asset: Asset = {
    bytes,
    type: TYPES[extname(file)] ?? "application/octet-stream",
    etag: `"${new Bun.CryptoHasher("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
    // Vite puts a hash of the content into the names of this folder, and of no other.
    immutable: path.startsWith("/assets/"),
  };
  return [path, asset];
}
