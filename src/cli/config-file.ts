// `--config FILE`, taken from the working folder: the program that reads it may have another.

import { resolve } from "node:path";
import type { Invocation } from "./invocation.ts";

export function configFile({ surroundings }: Invocation, flag: string | undefined): { config?: string } {
  return flag === undefined ? {} : { config: resolve(surroundings.cwd, flag) };
}
