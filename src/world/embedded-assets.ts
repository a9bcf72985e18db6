// The page's files inside a compiled program. In a checkout there are none: the build puts another module in
// the place of this one (scripts/embed-assets.ts).

export interface EmbeddedAsset {
  /** As in a URL: "/index.html". */
  path: string;
  type: string;
  etag: string;
  immutable: boolean;
  /** Where the program finds the bytes inside itself. */
  file: string;
  /** The bytes are compressed by brotli. */
  brotli: boolean;
}

export const embeddedAssets: readonly EmbeddedAsset[] | undefined = undefined as
  // Without this the compiler would take "undefined" for the only value there can ever be.
  readonly EmbeddedAsset[] | undefined;
