// Where this home is. `MUSTER_HOME` moves all state of the program; two homes on one machine are two devices.

import { join, resolve } from "node:path";
import { MusterError } from "../protocol/errors.ts";
import type { Surroundings } from "./surroundings.ts";

/** Absolute. A relative MUSTER_HOME is taken from the working folder. */
export function homeFolder({
  environment,
  cwd,
  systemHome,
}: Pick<Surroundings, "environment" | "cwd" | "systemHome">): string {
  const chosen = environment["MUSTER_HOME"] ?? "";
  if (chosen !== "") return resolve(cwd, chosen);
  if (systemHome?.used === true) return systemHome.path;
  const user = environment["HOME"] ?? environment["USERPROFILE"] ?? "";
  if (user === "") {
    throw new MusterError("usage", "neither MUSTER_HOME nor HOME is set", {
      hint: "set MUSTER_HOME to the folder that shall hold the state",
    });
  }
  return join(resolve(cwd, user), ".muster");
}
