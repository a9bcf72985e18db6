// What the build says of itself: which release key it trusts for its successors, and when it was released. In
// a checkout, and in a build without a key, it says nothing; the build puts another module in the place of
// this one (scripts/compile.ts).

export interface BuildFacts {
  /** The public half of the release key, base64url. Undefined: unsigned, nothing can follow by itself. */
  releaseKey: string | undefined;
  /** Milliseconds since the epoch. An older manifest is never taken. */
  releasedAt: number;
}

export const buildFacts: BuildFacts = { releaseKey: undefined, releasedAt: 0 };
