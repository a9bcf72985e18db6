// `muster device token`: lets one new machine in. It is shown once and kept nowhere.

import { hostNameProblem } from "../../protocol/names.ts";
import { MusterError } from "../../protocol/errors.ts";
import { parseDuration, until } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { askAgentOrHub } from "../overview.ts";
import { plainValue } from "../plain-text.ts";
import { warnOfReach } from "../warn-of-reach.ts";

interface TokenFlags {
  expires: string;
  name?: string | undefined;
  share?: string | undefined;
  browser?: true | undefined;
  yes?: true | undefined;
}

export async function deviceToken(invocation: Invocation, flags: TokenFlags): Promise<void> {
  if (flags.share !== undefined) {
    return (await import("./device-share.ts")).shareToken(invocation, flags.share, flags);
  }
  if (flags.browser === true) {
    throw new MusterError("usage", "--browser is for a device that is given out: --share DEVICE --browser");
  }
  const problem = flags.name === undefined ? undefined : hostNameProblem(flags.name);
  if (problem !== undefined)
    throw new MusterError("usage", `the name "${flags.name?.slice(0, 64) ?? ""}" ${problem}`);
  const request = {
    expires_in_ms: parseDuration(flags.expires, { name: "--expires", min: "1m", max: "7d" }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
  };
  const made = await askAgentOrHub(invocation, {
    agent: (agent) => agent.call("device_token", request),
    hub: (session) => session.deviceToken(request),
  });
  if (invocation.json) return printJson(invocation, made);
  const { out, surroundings } = invocation;
  const { token, expires_at, install } = plainValue(made);
  out.line(`Token: ${out.style("bold", token)}`);
  out.line(`It lets one machine in and ends ${until(expires_at, surroundings.clock.now())}. Run there:`);
  out.line(`  ${install}`);
  if (made.only_here === true) warnOfReach(invocation);
}
