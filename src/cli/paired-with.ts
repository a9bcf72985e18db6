// What a home knows of a paired device, as rows of `muster device show`: the two names, the words and whether they
// were compared, since when, and whether the hub relays.
import { MusterError } from "../protocol/errors.ts";
import { beginsId } from "../protocol/ids.ts";
import type { LocalResponse } from "../protocol/local-api.ts";
import { ago } from "./durations.ts";
import type { Invocation } from "./invocation.ts";
import { withPeers } from "./peer-calls.ts";
import type { Cell } from "./table.ts";

export type Peer = LocalResponse<"peers">["peers"][number];

export const PEER_STATES: Record<Peer["state"], string> = {
  pinned: "the other side has not finished",
  paired: "ok",
  unrelayed: "the hub no longer relays to it",
};

/** None where nobody can say: neither an agent nor a guest's home. */
export async function knownPeers(invocation: Invocation): Promise<Peer[]> {
  try {
    return (await withPeers(invocation, (calls) => calls.call("peers", {}))).peers;
  } catch (thrown) {
    if (thrown instanceof MusterError && thrown.code !== "internal") return [];
    throw thrown;
  }
}

/** The one that is meant: by its petname, else by its id. */
export function peerNamed(peers: readonly Peer[], reference: string): Peer | undefined {
  const byName = peers.find(({ name }) => name === reference);
  if (byName !== undefined) return byName;
  const [first, ...others] = peers.filter(({ id }) => id === reference || beginsId(id, reference));
  return others.length === 0 ? first : undefined;
}

export function pairingRows({ name, nickname, safety, trust, state, since }: Peer, now: number): Cell[][] {
  const row = (title: string, text: string): Cell[] => [{ text: title, style: "dim" }, { text }];
  const compared = trust === "compared" ? "compared" : `not compared yet: muster device verified ${name}`;
  return [
    row("Called here", name),
    row("Calls itself", nickname),
    row("Paired", ago(since, now)),
    row("Safety words", safety),
    row("", compared),
    ...(state === "paired" ? [] : [row("", PEER_STATES[state])]),
  ];
}
