// The few primitives everything here is built from, handed in so that the same code runs in the program
// (crypto-node.ts) and in a browser (crypto-noble.ts). Both accept exactly the same signatures.

export interface Crypto {
  sha256(bytes: Uint8Array): Uint8Array;
  sha512(bytes: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  /**
   * RFC 8032 section 5.1.7, at its strictest: keys of small order, keys and points that are not encoded
   * canonically and S outside [0, L) are refused, and the equation is the one without the cofactor, so that
   * no two verifiers ever disagree. Never throws: a key or signature of the wrong length is just false.
   */
  verifyEd25519(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean;
  /** A signer over an RFC 8032 seed of 32 bytes. */
  ed25519Signer(seed: Uint8Array): Signer;
  /** The public half of an X25519 secret of 32 bytes (RFC 7748). */
  x25519PublicKey(secret: Uint8Array): Uint8Array;
  /** Cryptographically strong. */
  randomBytes(length: number): Uint8Array;
}

/** An Ed25519 key that can be used and not be read. */
export interface Signer {
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** Where randomness comes from: the world's, or a seeded one in tests. */
export type RandomBytes = (length: number) => Uint8Array;
