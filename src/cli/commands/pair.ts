// `muster pair`: makes a code and waits for the device that enters it, or enters one. A code bears one try, and
// what went wrong with it is never said more exactly than that it did not finish.

import { renderUnicodeCompact } from "uqr";
import { MusterError } from "../../protocol/errors.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import { until } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { parseHubUrl } from "../hub-url.ts";
import { findAgent } from "../local-api.ts";
import { withPeers, type GuestWish, type PeerCalls } from "../peer-calls.ts";
import { plainValue } from "../plain-text.ts";
import { startProgress } from "../progress.ts";

export interface PairFlags {
  name?: string | undefined;
  verified?: true | undefined;
  own?: true | undefined;
  hub?: string | undefined;
  insecure?: true | undefined;
}

type Peer = LocalResponse<"peers">["peers"][number];

export async function pair(
  invocation: Invocation,
  code: string | undefined,
  flags: PairFlags,
): Promise<void> {
  if (code !== undefined && flags.own === true) {
    throw new MusterError("usage", "--own is for making a code, not for entering one");
  }
  const wish = {
    verified: flags.verified === true,
    ...(flags.name === undefined ? {} : { name: flags.name }),
  };
  const guest = guestWish(code, flags);
  await withPeers(
    invocation,
    (peers) =>
      code === undefined
        ? make(invocation, peers, { ...wish, reach: flags.own === true ? "owner" : "anyone" })
        : enter(invocation, peers, { ...wish, code }),
    guest,
  );
}

/** A link names its hub. */
function guestWish(code: string | undefined, { hub, insecure }: PairFlags): GuestWish {
  const link =
    code !== undefined && /^https?:/i.test(code) && URL.canParse(code) ? new URL(code).origin : undefined;
  const hubUrl = hub === undefined ? link : parseHubUrl(hub);
  return { ...(hubUrl === undefined ? {} : { hubUrl }), ...(insecure === true ? { insecure } : {}) };
}

async function enter(
  invocation: Invocation,
  agent: PeerCalls,
  wish: { code: string; name?: string; verified: boolean },
): Promise<void> {
  const progress = startProgress(invocation, "pairing");
  try {
    const { peer } = await agent.call("pair_join", wish);
    progress.end();
    report(invocation, peer);
  } finally {
    progress.end();
  }
}

async function make(
  invocation: Invocation,
  agent: PeerCalls,
  wish: { name?: string; verified: boolean; reach: "anyone" | "owner" },
): Promise<void> {
  const made = await agent.call("pair_make", wish);
  showCode(invocation, made);
  const progress = startProgress(invocation, "waiting for the other device");
  try {
    report(invocation, await waitFor(agent, made.mailbox, () => progress.end()));
  } catch (thrown) {
    if (invocation.interrupted.aborted) await giveUp(invocation, made.mailbox);
    throw thrown;
  } finally {
    progress.end();
  }
}

async function waitFor(agent: PeerCalls, mailbox: string, came: () => void): Promise<Peer> {
  for (;;) {
    const { peer } = await agent.call("pair_wait", { mailbox });
    if (peer === null) continue;
    came();
    return peer;
  }
}

/** The code must not outlive the person's wish; the interrupt has ended this run's own calls. */
async function giveUp(invocation: Invocation, mailbox: string): Promise<void> {
  const parting = { ...invocation, interrupted: new AbortController().signal };
  const search = await findAgent(parting).catch(() => undefined);
  // Without an agent its codes end with this run.
  if (search?.state !== "running") return;
  await search.agent.call("pair_cancel", { mailbox }).catch(() => undefined);
}

function showCode(invocation: Invocation, made: LocalResponse<"pair_make">): void {
  const { code, link, expires_at } = made;
  if (invocation.json) return printJson(invocation, { code, expires_at, link });
  const { out, surroundings } = invocation;
  const safe = plainValue(made);
  out.line(`Code: ${out.style("bold", safe.code)}`);
  out.line(`Enter it on the other device: muster pair ${safe.code}`);
  if (out.interactive) out.line(renderUnicodeCompact(link));
  out.line(out.style("dim", `It works for one try and ends ${until(expires_at, surroundings.clock.now())}.`));
}

function report(invocation: Invocation, peer: Peer): void {
  const { id, name, safety, trust } = peer;
  if (invocation.json) {
    return printJson(invocation, { peer_id: id, peer_name: name, safety, trust });
  }
  const { out } = invocation;
  const safe = plainValue(peer);
  out.line(`Paired with ${out.style("bold", safe.name)} (${safe.id})`);
  if (safe.nickname !== safe.name) out.line(`It calls itself ${safe.nickname}.`);
  out.line(`Safety words: ${out.style("bold", safe.safety)}`);
  const otherwise = `If it does not: muster device unpair ${safe.name}`;
  out.line(out.style("dim", `The other device shows the same five. ${otherwise}`));
}
