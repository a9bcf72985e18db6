// How words are kept: argon2id, by Bun. 19 MiB and two passes are what OWASP's password storage cheat sheet
// gives as the least for it.
const OPTIONS = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

export const realPasswordHasher = {
  hash: (password: string): Promise<string> => Bun.password.hash(password, OPTIONS),
  verify: (password: string, hash: string): Promise<boolean> => Bun.password.verify(password, hash),
};
