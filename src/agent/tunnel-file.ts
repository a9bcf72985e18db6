// The credentials of this device's named tunnel, in the form that cloudflared reads, readable by its user alone.
import { join } from "node:path";
import { Secret } from "../identity/secret.ts";
import { MusterError } from "../protocol/errors.ts";
import type { HubMessage } from "../protocol/messages.ts";
import { credentialsFile, readCredentialsFile } from "../tunnels/cloudflared.ts";
import type { Disk } from "../world/world.ts";

export type ToldCredentials = Omit<HubMessage<"tunnel_credentials">, "type">;

export function tunnelPath(home: string): string {
  return join(home, "tunnel-credentials.json");
}

/** Throws `protocol_error` for what cloudflared could not read. */
export async function writeTunnelFile(
  disk: Pick<Disk, "write">,
  path: string,
  told: ToldCredentials,
): Promise<void> {
  const text = credentialsFile({
    accountTag: told.account_tag,
    tunnelId: told.tunnel_id,
    hostname: told.hostname,
    secret: new Secret(new Uint8Array(Buffer.from(told.tunnel_secret, "base64"))),
  }).reveal();
  try {
    readCredentialsFile(text);
  } catch (error) {
    throw new MusterError("protocol_error", "the hub sent credentials that are none", { cause: error });
  }
  await disk.write(path, text, 0o600);
}
