// For where *.localhost is not known: Node 20 and Python do not resolve it; browsers, curl and Bun do.

/** A curl line that needs no resolver; undefined for other hosts. */
export function curlForm(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!url.hostname.endsWith(".localhost")) return undefined;
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return `curl --resolve ${url.hostname}:${port}:127.0.0.1 ${text}`;
}
