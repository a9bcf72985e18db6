// Who a request is from: a page that shows its bearer, a browser that shows the account's cookie, someone with
// the metrics token, or nobody. A bearer that is not good is refused rather than overlooked.
import type { Secret } from "../../identity/secret.ts";
import { equalSecretBytes, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { type Action, type Actor, kindsFor } from "../../protocol/permissions.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";

type ActorParts = Pick<ApiParts, "accounts" | "tokens" | "crypto" | "db"> & { metricsToken?: Secret<string> };

const BEARER = /^Bearer ([A-Za-z0-9._~+/-]{1,512}=*)$/i;

/** Looks up only what the action can be allowed to. Throws `unauthorized` for a bearer that is not good. */
export async function actorOf(
  parts: ActorParts,
  request: Request,
  { action, facts }: { action: Action; facts: RequestFacts },
): Promise<Actor> {
  const header = request.headers.get("authorization");
  if (header !== null) return bearerActor(parts, header, action);
  if (kindsFor(action).includes("account")) {
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
    const person = parts.tokens.verify(token);
    if (person !== undefined) return person;
  }
  throw new MusterError("unauthorized", "not signed in", { hint: "sign in and try again" });
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
