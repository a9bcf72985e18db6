// What is left once a home has joined a hub: its configuration and the marker of what it is, each written only
// where there is none. What a person wrote is never changed.
import { join } from "node:path";
import type { Settled, SettleOptions } from "../cli/surroundings.ts";
import { systemCode } from "../protocol/errors.ts";
import type { DeviceKind } from "../protocol/views.ts";
import { NAMED_LINK_WARNING } from "../tunnels/cloudflared.ts";
import type { Disk } from "../world/world.ts";
import { literal } from "./config/example-config.ts";
import { CONFIG_FILE } from "./config/find-config.ts";
import { DEVICE_MARKER, VPS_MARKER } from "./deployment.ts";

export interface SettleParts {
  disk: Pick<Disk, "info" | "write" | "makeFolder" | "remove">;
  root: boolean;
  /** The configuration that is read already; a new one would hide it. */
  config: string | undefined;
}

export async function settle(parts: SettleParts, options: SettleOptions): Promise<Settled> {
  const { disk, config } = parts;
  const { home, hubUrl, kind, location, namedLink } = options;
  if (config === undefined) {
    const lines = [
      "# Every setting: muster config example",
      ...(location === undefined ? [] : [`location = ${literal(location)}`]),
      "",
      "[hub]",
      `url = ${literal(hubUrl)}`,
      ...(namedLink === true ? ["", "[links]", "named = true"] : []),
    ];
    await disk.write(join(home, CONFIG_FILE), `${lines.join("\n")}\n`);
  }
  if (kind !== undefined) await markKind(parts, home, kind);
  return { notes: namedLink === true ? [NAMED_LINK_WARNING] : [] };
}

async function markKind({ disk, root }: SettleParts, home: string, kind: DeviceKind): Promise<void> {
  const device = join(home, DEVICE_MARKER);
  if (kind !== "vps") return mark(disk, device);
  if (root) return mark(disk, VPS_MARKER, 0o644);
  // The machine's own marker is not for a person to write; the hub knows the kind all the same.
  if ((await disk.info(device)) !== undefined) await disk.remove(device);
}

async function mark(disk: SettleParts["disk"], path: string, mode = 0o600): Promise<void> {
  if ((await disk.info(path)) !== undefined) return;
  try {
    if (path === VPS_MARKER) await disk.makeFolder("/etc/muster");
    await disk.write(path, "", mode);
  } catch (error) {
    if (systemCode(error) !== "EACCES" && systemCode(error) !== "EROFS") throw error;
  }
}
