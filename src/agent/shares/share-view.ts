// A share as it is shown. Its proof is the hub's word about the public way, and only as long as there is a
// session with that hub: without one nobody reaches a share over the hub's link, whatever was proved before.
import type { FleetView, ProofView, ShareState, ShareView } from "../../protocol/views.ts";
import type { ShareRecord } from "./share-record.ts";

/** Older than this, a proof says nothing of now. */
export const PROOF_FRESH_MS = 15_000;

export interface ViewFacts {
  state: ShareState;
  device: { id: string; name: string };
  /** Why there is no session with the hub; undefined while there is one. */
  hubProblem: string | undefined;
  /** What the hub last told. */
  fleet: FleetView | undefined;
  nowMs: number;
}

export function shareViewOf({ row, flags }: ShareRecord, facts: ViewFacts): ShareView {
  const told = facts.fleet?.shares.find((share) => share.id === row.id);
  const byTunnel = told === undefined ? flags.link === "named" : told.links[0]?.kind === "named";
  const proof = proofOf(told?.proof, { ...facts, byTunnel });
  const url = row.url ?? "";
  const own = { kind: flags.link, url, state: proof.state };
  const links = told?.links ?? (url === "" ? [] : [own]);
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    state: facts.state,
    url,
    access: row.access,
    device_id: facts.device.id,
    device_name: facts.device.name,
    description: row.description,
    created_at: new Date(row.created_at).toISOString(),
    expires_at: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
    proof,
    links: links.map((link) => (links.length === 1 ? { ...link, state: proof.state } : link)),
    stable: told?.stable ?? url !== "",
  };
}

function proofOf(
  told: ProofView | undefined,
  { hubProblem, nowMs, state, byTunnel }: ViewFacts & { byTunnel: boolean },
): ProofView {
  const checkedAt = told?.checked_at ?? null;
  if (hubProblem !== undefined) {
    return {
      // A tunnel leads past the hub, and may be as alive as before.
      state: checkedAt === null || byTunnel ? "unknown" : "dead",
      checked_at: checkedAt,
      latency_ms: null,
      reason: `the hub is out of reach: ${hubProblem}`,
    };
  }
  if (told === undefined) {
    return { state: "unknown", checked_at: null, latency_ms: null, reason: "the hub has not told of it yet" };
  }
  if (checkedAt !== null && told.state !== "dead" && nowMs - Date.parse(checkedAt) > PROOF_FRESH_MS) {
    const seconds = Math.round((nowMs - Date.parse(checkedAt)) / 1000);
    return {
      ...told,
      state: "unknown",
      latency_ms: null,
      reason: `last proved ${seconds} s ago (${told.state})`,
    };
  }
  if (state === "stopped" && told.state === "live") {
    return { ...told, state: "unknown", latency_ms: null, reason: "stopped since it was last proved" };
  }
  return told;
}
