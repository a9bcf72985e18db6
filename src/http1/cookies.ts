// The two things a proxy does to cookies: keeps its own from the app, and keeps the app from setting any for
// a wider domain than its own host.

import { trimmed } from "./field-section.ts";

/**
 * A `Cookie` value without the pairs whose name is ours; undefined when nothing is left. What stays is
 * byte for byte what came, in its order.
 */
export function withoutCookies(value: string, isOurs: (name: string) => boolean): string | undefined {
  const kept: string[] = [];
  for (const part of value.split(";")) {
    const pair = trimmed(part, 0, part.length);
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : trimmed(pair, 0, equals);
    if (!isOurs(name)) kept.push(pair);
  }
  return kept.length === 0 ? undefined : kept.join("; ");
}

/** The value of the first cookie of that name. */
export function cookieValue(value: string, name: string): string | undefined {
  for (const part of value.split(";")) {
    const equals = part.indexOf("=");
    if (equals < 0 || trimmed(part, 0, equals) !== name) continue;
    return trimmed(part, equals + 1, part.length);
  }
  return undefined;
}

/**
 * A `Set-Cookie` value without its `Domain` attribute. Browsers cut at every ";" whatever quotes say
 * (RFC 6265, 5.2), and so does this.
 */
export function withoutDomain(value: string): string {
  if (!/domain/i.test(value)) return value;
  const [pair = "", ...attributes] = value.split(";");
  const kept = attributes.filter((attribute) => {
    const equals = attribute.indexOf("=");
    const name = trimmed(attribute, 0, equals < 0 ? attribute.length : equals);
    return name.toLowerCase() !== "domain";
  });
  return [pair, ...kept].join(";");
}
