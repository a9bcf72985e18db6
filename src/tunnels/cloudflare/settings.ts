// The three settings that make named links possible. All of them or none: a hub without them runs as well, and
// whoever asks it for a named link is told what is missing.

import { Secret } from "../../identity/secret.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";

export interface CloudflareSettings {
  accountId: string;
  zoneId: string;
  token: Secret<string>;
}

/** As they stand in the environment, handed in by whoever reads it. */
export interface CloudflareEnvironment {
  CLOUDFLARE_ACCOUNT_ID?: string | undefined;
  CLOUDFLARE_TUNNEL_TOKEN?: string | undefined;
  CLOUDFLARE_ZONE_ID?: string | undefined;
}

export const CLOUDFLARE_VARIABLES = [
  "CLOUDFLARE_ACCOUNT_ID",
  "CLOUDFLARE_TUNNEL_TOKEN",
  "CLOUDFLARE_ZONE_ID",
] as const;

// Cloudflare's ids are 32 hex digits. They become part of a path, so nothing that could leave it passes.
const ID = /^[A-Za-z0-9_-]{1,64}$/;
// What a header may carry. Cloudflare's tokens have 40 characters.
const TOKEN = /^[\x21-\x7e]{1,512}$/;

/**
 * Undefined, with one line that says why, unless all three are there and can be used. Where none of them is
 * set, `unset` is that line's level: who has set one wants to know what is missing.
 */
export function readCloudflareSettings(
  environment: CloudflareEnvironment,
  log: Log,
  unset: "warn" | "debug" = "warn",
): CloudflareSettings | undefined {
  const accountId = environment.CLOUDFLARE_ACCOUNT_ID?.trim() ?? "";
  const zoneId = environment.CLOUDFLARE_ZONE_ID?.trim() ?? "";
  const token = environment.CLOUDFLARE_TUNNEL_TOKEN?.trim() ?? "";
  const missing = CLOUDFLARE_VARIABLES.filter((name) => (environment[name]?.trim() ?? "") === "");
  const malformed = [
    ...(accountId === "" || ID.test(accountId) ? [] : ["CLOUDFLARE_ACCOUNT_ID"]),
    ...(zoneId === "" || ID.test(zoneId) ? [] : ["CLOUDFLARE_ZONE_ID"]),
    ...(token === "" || TOKEN.test(token) ? [] : ["CLOUDFLARE_TUNNEL_TOKEN"]),
  ];
  if (missing.length > 0 || malformed.length > 0) {
    const level = missing.length === CLOUDFLARE_VARIABLES.length ? unset : "warn";
    log[level]("Cloudflare Tunnel not configured - named links disabled", {
      ...(missing.length > 0 ? { missing: missing.join(", ") } : {}),
      ...(malformed.length > 0 ? { malformed: malformed.join(", ") } : {}),
    });
    return undefined;
  }
  log.info("Cloudflare Tunnel service configured");
  return { accountId, zoneId, token: new Secret(token) };
}

/** What asking for a named link is answered with where there are no settings. */
export function namedLinksDisabled(): MusterError {
  return new MusterError("unavailable", "this hub has no named links: Cloudflare Tunnel is not configured", {
    hint: `set ${CLOUDFLARE_VARIABLES.join(", ")} for the hub and start it again, or use the hub's own link`,
  });
}
