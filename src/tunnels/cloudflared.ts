// What cloudflared is started with on a device: its credentials file, its configuration and its arguments. The
// rule: the names of the hub's domain lead to one unix socket of our gateway, which knows those that are this
// device's, and everything else is 404. So a share comes and goes without cloudflared being told.

import { MusterError } from "../protocol/errors.ts";
import { Secret } from "../identity/secret.ts";
import { isRecord } from "./cloudflare/envelope.ts";
import type { TunnelCredentials } from "./link.ts";

/** Shown when a device takes a named link: what the hub's Cloudflare token can do then. */
export const NAMED_LINK_WARNING =
  "Whoever holds the hub's Cloudflare token can point this device's cloudflared at any address or socket that this device reaches.";

/** Content of the credentials file, for a file of mode 0600 and nowhere else. */
export function credentialsFile(credentials: TunnelCredentials): Secret<string> {
  const { accountTag, tunnelId, secret } = credentials;
  const content = {
    AccountTag: accountTag,
    TunnelID: tunnelId,
    TunnelSecret: Buffer.from(secret.reveal()).toString("base64"),
  };
  return new Secret(`${JSON.stringify(content)}\n`);
}

const TUNNEL_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SECRET_MIN_BYTES = 32;

/** Reads the file back. Throws `state_corrupt` when it is not what we write. */
export function readCredentialsFile(text: string): Omit<TunnelCredentials, "hostname"> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw corrupt(error);
  }
  if (!isRecord(content)) throw corrupt();
  const { AccountTag: accountTag, TunnelID: tunnelId, TunnelSecret: secret } = content;
  if (typeof accountTag !== "string" || typeof tunnelId !== "string" || typeof secret !== "string")
    throw corrupt();
  const bytes = new Uint8Array(Buffer.from(secret, "base64"));
  if (!TUNNEL_ID.test(tunnelId) || bytes.length < SECRET_MIN_BYTES) throw corrupt();
  return { accountTag, tunnelId, secret: new Secret(bytes) };
}

function corrupt(cause?: unknown): MusterError {
  return new MusterError("state_corrupt", "the tunnel credentials file is damaged", {
    hint: "rotate them: muster device rotate NAME",
    cause,
  });
}

export interface CloudflaredPlan {
  tunnelId: string;
  /** `*.example.com`. */
  hosts: string;
  credentialsPath: string;
  /** The gateway's listener for this tunnel. */
  socketPath: string;
}

/** JSON is YAML, and quotes what would mean something in it. */
export function cloudflaredConfig({ tunnelId, hosts, credentialsPath, socketPath }: CloudflaredPlan): string {
  const config = {
    tunnel: tunnelId,
    "credentials-file": credentialsPath,
    ingress: [{ hostname: hosts, service: `unix:${socketPath}` }, { service: "http_status:404" }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** How long it lets requests in flight finish after SIGTERM. */
export const GRACE_PERIOD_S = 3;

/** No secret is among them: it stands in the credentials file. */
export function cloudflaredArguments(configPath: string, tunnelId: string): string[] {
  return [
    "tunnel",
    "--config",
    configPath,
    "--no-autoupdate",
    "--loglevel",
    "info",
    "--grace-period",
    `${GRACE_PERIOD_S}s`,
    // A free port of loopback; its number is read from the output.
    "--metrics",
    "127.0.0.1:0",
    "run",
    tunnelId,
  ];
}

/** Its own home and nothing of ours: cloudflared takes every option from TUNNEL_… variables too. */
export function cloudflaredEnvironment(folder: string): Record<string, string> {
  return { HOME: folder, NO_AUTOUPDATE: "true" };
}
