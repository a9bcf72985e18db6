// The page's calls about a shared device: what a link offers, the log that its token names, and the claim.
import {
  claimOfferResponse,
  claimResponse,
  type ClaimOffer,
  type ClaimRequest,
  type ClaimResponse,
} from "../../../src/protocol/claim-api.ts";
import { fromBase64Url } from "../../../src/protocol/bytes.ts";
import { MusterError } from "../../../src/protocol/errors.ts";
import { deviceLogResponse, hubFacts } from "../../../src/protocol/hub-api.ts";
import type { OwnerLogEntry } from "../../../src/protocol/owner-log.ts";
import { callHub } from "../session/hub-http.ts";

export async function askOffer(claimKey: string): Promise<ClaimOffer> {
  const body = { claim_key: claimKey };
  return (await callHub({ method: "POST", path: "/api/claim/offer", body, answer: claimOfferResponse }))
    .value;
}

export async function fetchSharedLog(pin: string): Promise<OwnerLogEntry[]> {
  const call = { method: "POST", path: "/api/device/log", body: { pin }, answer: deviceLogResponse } as const;
  return (await callHub(call)).value.entries;
}

/** By the hub's word; the token's pin must fit its key. */
export async function fetchHub(): Promise<{ key: Uint8Array; url: string }> {
  const { value } = await callHub({ method: "GET", path: "/api/hub", answer: hubFacts });
  const key = fromBase64Url(value.hub_key);
  if (key?.length === 32) return { key, url: value.hub_url };
  throw new MusterError("protocol_error", "the hub names no key of its own");
}

export async function sendClaim(body: ClaimRequest): Promise<ClaimResponse> {
  return (await callHub({ method: "POST", path: "/api/claim", body, answer: claimResponse })).value;
}
