// The page's files as a hub serves them, wherever they come from: a checkout's build or the program itself.

export interface Asset {
  bytes: Uint8Array<ArrayBuffer>;
  /** The whole Content-Type. */
  type: string;
  /** With its quotes. */
  etag: string;
  /** Its name changes with its content, so it may be kept for ever. */
  immutable: boolean;
  /** The same, compressed by brotli; absent where that would not be smaller. */
  br?: Uint8Array<ArrayBuffer>;
}

/** By path, as in a URL: "/index.html", "/assets/index-1a2b.js". */
export type Assets = ReadonlyMap<string, Asset>;
