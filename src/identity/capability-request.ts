// A capability request as its asker signs it (purpose "request"), and the check that a device makes of it.
import type { Crypto, Signer } from "./crypto.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../protocol/bytes.ts";
import type { CapabilityRequest, SignedCapabilityCall } from "../protocol/capability-messages.ts";
import type { CapabilityAsked } from "../protocol/capabilities.ts";
import { MusterError } from "../protocol/errors.ts";
import { signedBytes } from "../protocol/signed.ts";

export interface CapabilityWish {
  /** Id of the owner log in which the asker stands, base64url. */
  log: string;
  /** `uuidV7`: a request is answered once. */
  requestId: string;
  capability: CapabilityAsked;
  /** JSON text. */
  payload: string;
}

export async function signCapabilityRequest(
  { log, requestId, capability, payload }: CapabilityWish,
  crypto: Pick<Crypto, "sha256">,
  signer: Signer,
): Promise<CapabilityRequest> {
  const logId = fromBase64Url(log);
  if (logId === undefined) throw new MusterError("invalid", "the id of the owner log is not base64url");
  const signature = await signer.sign(
    signedBytes("request", {
      logId,
      callerKey: signer.publicKey,
      requestId,
      capability: capability.protocol,
      version: capability.version,
      payloadHash: crypto.sha256(utf8(payload)),
    }),
  );
  return {
    type: "capability_request",
    request_id: requestId,
    capability,
    payload,
    log,
    signature: toBase64Url(signature),
  };
}

/** Whether the caller it names has signed exactly this. */
export function isSignedByCaller(
  crypto: Pick<Crypto, "sha256" | "verifyEd25519">,
  { log, caller, signature, request_id, capability, payload }: SignedCapabilityCall,
): boolean {
  const [logId, callerKey, signed] = [log, caller, signature].map(fromBase64Url);
  if (logId === undefined || callerKey === undefined || signed === undefined) return false;
  const bytes = signedBytes("request", {
    logId,
    callerKey,
    requestId: request_id,
    capability: capability.protocol,
    version: capability.version,
    payloadHash: crypto.sha256(utf8(payload)),
  });
  return crypto.verifyEd25519(callerKey, bytes, signed);
}
