// The configuration for a program of this home: what is on the real disk, in its environment and on its
// command line.
import { realDisk } from "../../world/disk.ts";
import { readConfig, type Config, type Flags } from "./read-config.ts";

export interface LoadOptions {
  home: string | undefined;
  /** `--config FILE`. */
  config?: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
}

export function loadConfig({ home, config, environment }: LoadOptions, flags: Flags = {}): Promise<Config> {
  const place = { disk: realDisk, environment, cwd: process.cwd(), platform: process.platform, home };
  return readConfig({ ...place, flag: config }, flags);
}
