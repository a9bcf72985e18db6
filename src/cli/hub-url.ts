// The address of a hub as a person types it, checked before anything is sent there.

import { MusterError } from "../protocol/errors.ts";

/** Scheme, host and port; refused with what to type instead. */
export function parseHubUrl(text: string): string {
  if (!/^[a-z]+:\/\//i.test(text)) {
    throw notAHub(text, { hint: `did you mean \`https://${text}\`?` });
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw notAHub(text, { hint: "a hub's address looks like https://muster.example.com" });
  }
  if (
    url.username !== "" ||
    url.password !== "" ||
    url.search !== "" ||
    url.hash !== "" ||
    url.pathname !== "/"
  ) {
    throw notAHub(text, { hint: `did you mean \`${url.origin}\`?` });
  }
  return url.origin;
}

export function isLoopbackUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { hostname } = new URL(text);
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(?:\.[0-9]+){3}$/.test(hostname)
  );
}

function notAHub(text: string, details: { hint: string }): MusterError {
  return new MusterError("usage", `"${text.slice(0, 200)}" is not the address of a hub`, details);
}
