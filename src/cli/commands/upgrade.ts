// `muster upgrade`: takes the newer version that the hub offers, when it is signed by the key that this program
// trusts; `--check` only says what there is.

import { printJson, type Invocation } from "../invocation.ts";
import { plainValue } from "../plain-text.ts";
import { startProgress } from "../progress.ts";

export async function upgrade(invocation: Invocation, flags: { check?: true | undefined }): Promise<void> {
  const { surroundings, home, interrupted, out } = invocation;
  const progress = startProgress(invocation, "Looking for a new version");
  try {
    const offer = await surroundings.releaseOffer({ home, stop: interrupted, phase: progress.phase });
    const { running, offered, released_at, hub_url } = plainValue({ ...offer, take: undefined });
    const facts = { running, offered, released_at };
    if (offer.state === "current") {
      progress.end();
      if (invocation.json) return printJson(invocation, { state: "current", ...facts, restarted: false });
      out.line(`muster ${running} is what ${hub_url} offers too.`);
    } else if (flags.check === true) {
      progress.end();
      if (invocation.json) return printJson(invocation, { state: "available", ...facts, restarted: false });
      out.line(`muster ${out.style("bold", offered)} is there, released ${released_at.slice(0, 10)}.`);
      out.line(`This is ${running}. Take it: muster upgrade`);
    } else {
      const { restarted } = await offer.take();
      progress.end();
      if (invocation.json) return printJson(invocation, { state: "upgraded", ...facts, restarted });
      out.line(`Upgraded from ${running} to ${out.style("bold", offered)}.`);
      if (restarted) out.line("The agent runs it.");
    }
  } finally {
    progress.end();
  }
}
