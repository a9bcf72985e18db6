// What a hub can hand out, as its routes need it: programs by platform, and the manifest of their release.
// Where they come from (a release folder, the running program itself, a build of a checkout) is not its
// business.
import type { ReleasePlatform } from "../../protocol/release.ts";

export interface Program {
  platform: ReleasePlatform;
  /** What it is called on a disk. */
  name: string;
  /** In hex. */
  sha256: string;
  /** Read as it is sent, never held. */
  bytes: Blob;
  /** The same, compressed by gzip; undefined until that is done. */
  gzip: Blob | undefined;
}

export interface Downloads {
  /** Undefined where this hub has none. Throws `unavailable` when it could not be made. */
  program(platform: ReleasePlatform): Promise<Program | undefined>;
  platforms(): Promise<readonly ReleasePlatform[]>;
  /** Undefined without a release. `signature` is undefined for one that nobody signed. */
  manifest(): Promise<{ bytes: Uint8Array<ArrayBuffer>; signature: string | undefined } | undefined>;
}

export const NO_DOWNLOADS: Downloads = {
  program: () => Promise.resolve(undefined),
  platforms: () => Promise.resolve([]),
  manifest: () => Promise.resolve(undefined),
};
