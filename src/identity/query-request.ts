// A query to the fleet as a controller signs it (purpose "query"), and the check that each device makes of it.
import type { Crypto, Signer } from "./crypto.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import type { QueryLocal, QueryType } from "../protocol/query-messages.ts";
import { signedBytes } from "../protocol/signed.ts";

export interface QueryWish {
  /** Id of the owner log in which the asker commands, base64url. */
  log: string;
  /** `uuidV7`: a query is answered once. */
  queryId: string;
  type: QueryType;
  /** Of a `Custom` one. */
  name?: string | undefined;
  /** JSON text. */
  params: string;
  /** Keys of the devices that are meant; every one of the log when absent. */
  devices?: readonly string[] | undefined;
}

export async function signQuery(
  wish: QueryWish,
  crypto: Pick<Crypto, "sha256">,
  signer: Signer,
): Promise<NonNullable<QueryLocal["signed"]>> {
  const bytes = bytesOf(wish, signer.publicKey, crypto);
  if (bytes === undefined) throw new MusterError("invalid", "a key in the query is not base64url");
  return {
    log: wish.log,
    signer: toBase64Url(signer.publicKey),
    signature: toBase64Url(await signer.sign(bytes)),
  };
}

/** The key that has signed exactly this query; undefined where none has. */
export function signerOfQuery(
  crypto: Pick<Crypto, "sha256" | "verifyEd25519">,
  { signed, query_id: queryId, query_type: type, query_name: name, params, devices }: QueryLocal,
): Uint8Array | undefined {
  if (signed === undefined) return undefined;
  const key = fromBase64Url(signed.signer);
  const signature = fromBase64Url(signed.signature);
  if (key === undefined || signature === undefined) return undefined;
  const bytes = bytesOf({ log: signed.log, queryId, type, name, params, devices }, key, crypto);
  return bytes !== undefined && crypto.verifyEd25519(key, bytes, signature) ? key : undefined;
}

function bytesOf(
  { log, queryId, type, name, params, devices }: QueryWish,
  signerKey: Uint8Array,
  crypto: Pick<Crypto, "sha256">,
): Uint8Array | undefined {
  const logId = fromBase64Url(log);
  const keys = (devices ?? []).flatMap((one) => fromBase64Url(one) ?? []);
  if (logId === undefined || keys.length !== (devices?.length ?? 0)) return undefined;
  return signedBytes("query", {
    logId,
    signerKey,
    queryId,
    queryType: name === undefined ? type : `${type}:${name}`,
    paramsHash: crypto.sha256(utf8(params)),
    devices: keys,
  });
}
