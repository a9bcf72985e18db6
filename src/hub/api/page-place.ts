// Whether a request is at the page's own host, and which origin the page has there.
//
// On a name of this machine the port may be another one than the hub's: `ssh -L 9000:127.0.0.1:8080` brings the
// page to port 9000, and what a browser then calls its origin is that. Host and Origin still have to agree.
import { isLocalName } from "../addresses.ts";

/** Scheme, host and port of the page as this request's browser knows it; undefined at any other host. */
export function pageOriginAt(pageOrigin: string | undefined, host: string): string | undefined {
  if (pageOrigin === undefined) return undefined;
  const page = new URL(pageOrigin);
  // With the page's scheme, so that its default port is dropped here as it is there.
  const asked = new URL(`${page.protocol}//${host}`);
  if (asked.host === page.host) return pageOrigin;
  return asked.hostname === page.hostname && isLocalName(page.hostname) ? asked.origin : undefined;
}
