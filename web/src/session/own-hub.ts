// Whether an address in a pairing link is of the hub that this page comes from. A hub on this machine goes by
// several names at one port; elsewhere its page may stand at a sub-domain of what its links say.

export function isOwnHub(origin: string, pageOrigin: string): boolean {
  if (origin === pageOrigin) return true;
  if (!URL.canParse(origin) || !URL.canParse(pageOrigin)) return false;
  const [link, page] = [new URL(origin), new URL(pageOrigin)];
  if (link.port !== page.port) return false;
  if (isLocal(link.hostname) && isLocal(page.hostname)) return true;
  return link.protocol === page.protocol && page.hostname === `muster.${link.hostname}`;
}

function isLocal(hostname: string): boolean {
  return /(?:^|\.)localhost$|^127\.|^\[::1\]$/.test(hostname);
}
