// Names in a sentence: a few of them, so that a large fleet fills no screen.

const SHOWN_MAX = 20;

export function shown(words: readonly string[]): string {
  const rest = words.length - SHOWN_MAX;
  return `${words.slice(0, SHOWN_MAX).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
