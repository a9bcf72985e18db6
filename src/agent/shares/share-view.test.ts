import { expect, test } from "bun:test";
import type { FleetView, ProofView } from "../../protocol/views.ts";
import { NOW } from "../testing.ts";
import { recordOf } from "./share-record.ts";
import { shareViewOf, type ViewFacts } from "./share-view.ts";

const record = recordOf({
  id: "abcdefghij",
  name: "blog",
  label: "blog",
  url: "http://blog.localhost:8080/",
  kind: "page",
  path: "/srv",
  command: null,
  port: null,
  access: "public",
  password_verifier: null,
  password_version: 1,
  proof_key: new Uint8Array(32),
  expires_at: null,
  spa: 0,
  description: null,
  created_at: NOW,
  wanted_running: 1,
  options: "{}",
});

const LIVE: ProofView = {
  state: "live",
  checked_at: new Date(NOW).toISOString(),
  latency_ms: 4,
  reason: null,
};

function fleetWith(proof: ProofView): FleetView {
  const url = "http://blog.localhost:8080/";
  const shown = shareViewOf(record, facts({ fleet: undefined }));
  const share = { ...shown, proof, links: [{ kind: "hub" as const, url, state: proof.state }] };
  return { hub: { url: "", id: "", version: "" }, devices: [], shares: [share] };
}

function facts(changes: Partial<ViewFacts> = {}): ViewFacts {
  return {
    state: "running",
    device: { id: "device", name: "laptop" },
    hubProblem: undefined,
    fleet: undefined,
    nowMs: NOW + 1_000,
    ...changes,
  };
}

test("while there is a session, the hub's word is shown", () => {
  expect(shareViewOf(record, facts({ fleet: fleetWith(LIVE) })).proof).toEqual(LIVE);
});

test("without a session nothing is live, in the share and in its links", () => {
  const { proof, links } = shareViewOf(
    record,
    facts({ fleet: fleetWith(LIVE), hubProblem: "it does not answer" }),
  );
  expect(proof).toMatchObject({
    state: "dead",
    latency_ms: null,
    reason: expect.stringContaining("does not answer"),
  });
  expect(links).toMatchObject([{ state: "dead" }]);
});

test("what was never proved is unknown, with the reason", () => {
  expect(shareViewOf(record, facts()).proof).toMatchObject({ state: "unknown", checked_at: null });
  const { proof } = shareViewOf(record, facts({ hubProblem: "x" }));
  expect(proof).toMatchObject({ state: "unknown", reason: "the hub is out of reach: x" });
});

test("an old proof says nothing of now; a dead link stays dead", () => {
  const late = { nowMs: NOW + 20_000 };
  expect(shareViewOf(record, facts({ fleet: fleetWith(LIVE), ...late })).proof).toMatchObject({
    state: "unknown",
    reason: "last proved 20 s ago (live)",
  });
  const dead = { ...LIVE, state: "dead" as const };
  expect(shareViewOf(record, facts({ fleet: fleetWith(dead), ...late })).proof.state).toBe("dead");
});

test("what was stopped a moment ago is not called live by an earlier proof", () => {
  const { proof } = shareViewOf(record, facts({ fleet: fleetWith(LIVE), state: "stopped" }));
  expect(proof).toMatchObject({ state: "unknown", reason: expect.stringContaining("stopped") });
});

test("without a session nothing is known of a share by a tunnel", () => {
  const fleet = fleetWith(LIVE);
  const shares = fleet.shares.map((share) => ({
    ...share,
    links: share.links.map((link) => ({ ...link, kind: "named" as const })),
  }));
  const { proof, links } = shareViewOf(record, facts({ fleet: { ...fleet, shares }, hubProblem: "away" }));
  expect(proof.state).toBe("unknown");
  expect(links).toMatchObject([{ kind: "named", state: "unknown" }]);
});
