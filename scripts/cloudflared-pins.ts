// The cloudflared that this version was tried with: its version and the SHA-256 of each asset of its release.
// They go into the signed manifest. Null until somebody has taken them from the official release and checked
// them; a number that nobody checked is worse than none.
import type { ReleasePins } from "../src/protocol/release.ts";

export const CLOUDFLARED: ReleasePins | null = null;
