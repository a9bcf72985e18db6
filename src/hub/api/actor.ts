// Who a request is from: a page that shows its bearer, a browser that shows the account's cookie, someone with
// the metrics token, or nobody. A bearer that is not good is refused rather than overlooked.
import type { Secret } from "../../identity/secret.ts";
import { apiKeySigner } from "../../identity/api-key.ts";
import type { Signer } from "../../identity/crypto.ts";
import { equalSecretBytes, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Actor } from "../../protocol/actors.ts";
import { type Action, kindsFor } from "../../protocol/permissions.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";

type ActorParts = Pick<ApiParts, "accounts" | "tokens" | "crypto" | "db" | "ownerLogs" | "clock"> & {
  metricsToken?: Secret<string>;
};

const BEARER = /^Bearer ([A-Za-z0-9._~+/-]{1,512}=*)$/i;

/** Looks up only what the action can be allowed to. Throws `unauthorized` for a bearer that is not good. */
export async function actorOf(
  parts: ActorParts,
  request: Request,
  { action, facts, cookieCounts }: { action: Action; facts: RequestFacts; cookieCounts: boolean },
): Promise<Actor> {
  const header = request.headers.get("authorization");
  if (header !== null) return bearerActor(parts, header, action);
  if (cookieCounts && kindsFor(action).includes("account")) {
    const session = await parts.accounts.sessionOf(request);
    if (session !== undefined) {
      return {
        kind: "account",
        userId: session.userId,
        ownerRoots: await ownerRootsOf(parts, session.userId),
      };
    }
  }
  return { kind: "anonymous", address: facts.visitor };
}

function bearerActor(parts: ActorParts, header: string, action: Action): Actor {
  const token = BEARER.exec(header)?.[1];
  if (token !== undefined) {
    if (action === "hub.measure" && isMetricsToken(parts, token)) return { kind: "operator" };
    const known = parts.tokens.verify(token) ?? programActor(parts, token);
    if (known !== undefined) return known;
  }
  throw new MusterError("unauthorized", "this key is not known here", {
    hint: "it may have ended or been taken back: muster key ls",
  });
}

/** Whoever has the text of a key that some owner's log names. */
function programActor({ crypto, ownerLogs, clock }: ActorParts, token: string): Actor | undefined {
  const publicKey = apiKeySigner(crypto, token)?.publicKey;
  if (publicKey === undefined) return undefined;
  const key = toBase64Url(publicKey);
  for (const ownerRoot of ownerLogs.granting(key)) {
    const grant = ownerLogs.get(ownerRoot)?.grantOf(publicKey, clock.now());
    if (grant?.holder !== "program") continue;
    const { scopes, capabilities } = grant;
    return { kind: "program", key, ownerRoot, scopes, capabilities };
  }
  return undefined;
}

/** The key itself, which signs what its program asks while that is under way. Only for the actor `program`. */
export function programSigner({ crypto }: Pick<ApiParts, "crypto">, request: Request): Signer {
  const token = BEARER.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  const signer = apiKeySigner(crypto, token);
  if (signer === undefined) throw new MusterError("unauthorized", "this call takes a key of a program");
  return signer;
}

// Digests are compared, so neither the length nor the first wrong letter shows in the time it takes.
function isMetricsToken({ crypto, metricsToken }: ActorParts, token: string): boolean {
  if (metricsToken === undefined) return false;
  return equalSecretBytes(crypto.sha256(utf8(token)), crypto.sha256(utf8(metricsToken.reveal())));
}

/** The owners whose things this account may see. */
export async function ownerRootsOf({ db }: Pick<ApiParts, "db">, userId: string): Promise<string[]> {
  const rows = await db.selectFrom("owners").select("owner_root").where("user_id", "=", userId).execute();
  return rows.map((row) => row.owner_root);
}
