// Credentials of a named tunnel, as a device gets them: in the answer to its own registration, and nowhere else.
import type { ApiParts } from "./ports.ts";

export interface TunnelAnswer {
  tunnel_credentials?: { account_tag: string; tunnel_id: string; hostname: string; tunnel_secret: string };
}

/** What was made for the set-up is the device's from now on. */
export async function tunnelFor(
  { life, log }: Pick<ApiParts, "life" | "log">,
  { setupId, deviceId }: { setupId: string; deviceId: string },
): Promise<TunnelAnswer> {
  try {
    await life.named.link.give(setupId, deviceId);
    const credentials = await life.named.link.credentials(deviceId);
    if (credentials === undefined) return {};
    const { accountTag, tunnelId, hostname, secret } = credentials;
    return {
      tunnel_credentials: {
        account_tag: accountTag,
        tunnel_id: tunnelId,
        hostname,
        tunnel_secret: Buffer.from(secret.reveal()).toString("base64"),
      },
    };
  } catch (error) {
    // Its place is taken all the same; `device rotate` hands them over later.
    log.warn("a device joined without its tunnel", { device: deviceId, error });
    return {};
  }
}
