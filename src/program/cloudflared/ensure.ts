// cloudflared for a link that needs it: the one in PATH, else the one in the home, else installed there.
import { join } from "node:path";
import { proxyFor, proxyUrl } from "../../agent/link/proxy.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { World } from "../../world/world.ts";
import type { Environment } from "../parts.ts";
import { findCloudflared } from "./find.ts";
import { installCloudflared, OFFICIAL_RELEASES } from "./install.ts";
import { CLOUDFLARED_PINS } from "./pins.ts";

export interface EnsureOptions {
  world: Pick<World, "disk" | "network">;
  home: string;
  environment: Environment;
  platform: string;
  /** A line for people, while it is installed and once it is. */
  say(line: string): void;
  stop: AbortSignal;
}

/** Its path. Throws `unavailable`, "cloudflared not found", where it is not there and can't be had. */
export async function ensureCloudflared(options: EnsureOptions): Promise<string> {
  const { world, home, environment, platform, say, stop } = options;
  const found = await findCloudflared(world.disk, { home, environment, platform });
  if (found !== undefined) return found;
  const folder = join(home, "bin");
  say("Installing cloudflared...");
  try {
    const path = await installCloudflared({
      fetch: (url, init) => {
        const proxy = proxyFor(url, environment);
        return world.network.fetch(url, init, proxy === undefined ? {} : { proxy: proxyUrl(proxy).reveal() });
      },
      releases: OFFICIAL_RELEASES,
      pins: CLOUDFLARED_PINS,
      platform,
      folder,
      stop,
    });
    say("  ✓ cloudflared");
    return path;
  } catch (error) {
    throw new MusterError("unavailable", "cloudflared not found", {
      hint: `install it, or put it at ${join(folder, "cloudflared")}; it could not be fetched: ${whyOf(error)}`,
      cause: error,
    });
  }
}

function whyOf(error: unknown): string {
  if (error instanceof MusterError) return publicError(error).message;
  return error instanceof Error ? error.message : String(error);
}
