// A headless Chromium of this machine, in a profile of its own, with everything off that would dial out.
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const PROGRAM = process.env["MUSTER_CHROMIUM"] ?? "/usr/bin/chromium";

const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function hasChromium(): boolean {
  return existsSync(PROGRAM);
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: SWITCHES });
}
