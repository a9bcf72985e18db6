// `muster device peers`, `unpair`, `petname` and `verified`: the devices that this one is paired with, how far
// each is trusted, and what it is called here.

import { printJson, type Invocation } from "../invocation.ts";
import { withPeers } from "../peer-calls.ts";
import { PEER_STATES, type Peer } from "../paired-with.ts";
import { plainLine } from "../plain-text.ts";
import { tableLines } from "../table.ts";

export async function peerList(invocation: Invocation, flags: { wide?: true | undefined }): Promise<void> {
  const { peers } = await withPeers(invocation, (calls) => calls.call("peers", {}));
  if (invocation.json) return printJson(invocation, { items: peers.map(peerJson) });
  const { out } = invocation;
  if (peers.length === 0) return out.line("Paired with no device. Make a code: muster pair");
  const rows = peers.map((peer) => [
    { text: nameOf(peer), style: "bold" as const },
    { text: peer.trust },
    { text: PEER_STATES[peer.state] },
    { text: peer.safety },
    { text: peer.id },
  ]);
  const headings = ["NAME", "TRUST", "STATE", "SAFETY WORDS", "ID"];
  for (const line of tableLines(out, rows, { headings, wide: flags.wide === true })) out.line(line);
}

export async function unpair(invocation: Invocation, device: string): Promise<void> {
  const { peer } = await withPeers(invocation, (calls) => calls.call("peer_unpair", { device }));
  if (invocation.json) return printJson(invocation, peerJson(peer));
  invocation.out.line(`The pairing with ${plainLine(peer.name)} is over.`);
}

export async function petname(
  invocation: Invocation,
  device: string,
  name: string | undefined,
): Promise<void> {
  const { peer, from } = await withPeers(invocation, (calls) =>
    calls.call("peer_name", { device, ...(name === undefined ? {} : { name }) }),
  );
  if (invocation.json) return printJson(invocation, peerJson(peer));
  invocation.out.line(`${plainLine(from)} is called ${plainLine(peer.name)} here now.`);
}

export async function verified(invocation: Invocation, device: string): Promise<void> {
  const { peer } = await withPeers(invocation, (calls) => calls.call("peer_verify", { device }));
  if (invocation.json) return printJson(invocation, peerJson(peer));
  invocation.out.line(`The safety words of ${plainLine(peer.name)} count as compared.`);
}

/** Where the two differ, both are told: only the first means anything here. */
function nameOf({ name, nickname }: Peer): string {
  return nickname === name ? name : `${name} (calls itself ${nickname})`;
}

function peerJson({ id, name, ...rest }: Peer): object {
  return { peer_id: id, peer_name: name, ...rest };
}
