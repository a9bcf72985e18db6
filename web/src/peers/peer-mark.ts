// How a pairing stands, as a shape with its word. "Compared" is said of words that a person has compared, and of
// nothing else; whether the other device is there now, nobody tells this browser.
import type { PairedDevice } from "../../../src/client/peer.ts";
import type { ShownState } from "../fleet/shown-state.ts";

export function peerMark(peer: Pick<PairedDevice, "state" | "compared" | "petname">): ShownState {
  const { petname } = peer;
  switch (peer.state) {
    case "pinned":
      return {
        mark: "unknown",
        word: "not finished",
        reason: `${petname} has not finished the pairing yet.`,
      };
    case "unrelayed":
      return { mark: "dead", word: "not relayed", reason: `The hub no longer relays to ${petname}.` };
    case "paired":
      return peer.compared
        ? { mark: "live", word: "compared", reason: "The safety words were compared." }
        : { mark: "degraded", word: "paired", reason: "The safety words were not compared yet." };
  }
}
