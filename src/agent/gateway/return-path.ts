// Where a visitor goes back to after showing a password or a ticket: a path of this host, nothing else.

const PATH_MAX_LENGTH = 1_024;

/** "/" in place of anything that a browser could take for another host. */
export function safeReturnPath(text: string | undefined): string {
  if (text === undefined || text.length > PATH_MAX_LENGTH) return "/";
  // "//host" and "/\host" name another host.
  if (!text.startsWith("/") || text.startsWith("//") || text.includes("\\")) return "/";
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f) return "/";
  }
  // Ours lead round in circles.
  return text.startsWith("/.muster/") ? "/" : text;
}
