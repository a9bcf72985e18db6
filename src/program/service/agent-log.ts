// The log of an agent that writes to a file: one that was started in the background, or by launchd.
import type { ServiceLogOptions } from "../../cli/surroundings.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ServiceHost } from "./service-host.ts";

/** Throws `not_found` where no agent of this home has written to one. */
export async function showAgentLog(
  host: Pick<ServiceHost, "disk" | "stream">,
  home: string,
  { lines, follow, write, signal }: ServiceLogOptions,
): Promise<void> {
  const file = `${home}/logs/agent.log`;
  if ((await host.disk.info(file)) === undefined) {
    throw new MusterError("not_found", "this home has no log", {
      hint: "an agent in the foreground writes to its terminal; muster start runs one in the background",
    });
  }
  await host.stream(["tail", "-n", String(lines), ...(follow ? ["-F"] : []), file], { write, signal });
}
