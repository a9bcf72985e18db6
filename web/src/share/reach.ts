// Whether an address means the same machine to everybody: loopback names are each machine's own.
export function isOnlyHere(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname.endsWith(".localhost") || /^127\.|^\[::1\]$/.test(hostname);
}
