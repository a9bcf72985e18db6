// Device kinds as people write them.
import type { DeviceKind } from "../../../src/protocol/views.ts";

const WORDS: Record<DeviceKind, string> = {
  laptop: "laptop",
  desktop: "desktop",
  raspberry_pi: "Raspberry Pi",
  vps: "VPS",
  vm: "VM",
  browser: "browser",
};

export function kindWord(kind: DeviceKind): string {
  return WORDS[kind];
}
