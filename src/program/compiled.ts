// Whether this is the compiled program, which is one file and its own executable, or a checkout run by Bun.
export const isCompiled: boolean =
  import.meta.dirname.startsWith("/$bunfs") || import.meta.dirname.startsWith("B:\\~BUN");
