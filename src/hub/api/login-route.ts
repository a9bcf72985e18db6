// `POST /api/login`: the link that the home printed is spent, once, and signs this browser in. Its key becomes
// a controller by the home's own signature; the account is made with the first link there is.
import { loginLinkHash } from "../../identity/login-link.ts";
import { Secret } from "../../identity/secret.ts";
import { isStrictKey } from "../../identity/strict-key.ts";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { type LoginRequest, loginRequest } from "../../protocol/hub-api.ts";
import { spendLoginLink } from "../../store/login-links.ts";
import { findOwner, setOwnerUser } from "../../store/owners.ts";
import type { RateLimiter } from "../rate-limit.ts";
import { sourceOf } from "../rate-limit.ts";
import { json } from "./answers.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource, ofHome } from "./hub-resource.ts";
import type { ApiParts, BrowserKeys } from "./ports.ts";
import { type Route, route } from "./route.ts";

/** What the first account is called until its person chooses a name with a password. */
export const FIRST_NAME = "owner";

export function loginRoute(parts: ApiParts, entries: RateLimiter): Route {
  const oneAtATime = queue();
  return route<"account.enter">({
    method: "POST",
    path: "/api/login",
    action: "account.enter",
    at: "page",
    async answer(call) {
      call.allow(hubResource(parts));
      holdBack(entries.take(sourceOf(call.facts.visitor)));
      const asked = await call.json(loginRequest);
      const browser = browserKeys(asked);
      const { visitor, requestId } = call.facts;
      const root = await spend(parts, asked, { visitor, requestId });
      const { deviceId } = await parts.home.admitBrowser(browser);
      // Two links that are spent together must not make two accounts.
      const userId = await oneAtATime(() => accountOf(parts, root));
      const { session, cookies } = await parts.accounts.signIn(userId, visitor);
      await parts.audit.record({
        actor: `user:${userId}`,
        action: "account.signed_in",
        target: `device:${deviceId}`,
        detail: { by: "login link", name: asked.name },
        ownerRoot: root,
        requestId,
      });
      return json({ user: { id: userId, name: session.name }, device_id: deviceId }, { cookies });
    },
  });
}

/** The owner root that the link opens. Spent, over, unknown and wrong are one refusal. */
async function spend(
  parts: ApiParts,
  asked: LoginRequest,
  from: { visitor: string; requestId: string },
): Promise<string> {
  const link = { id: asked.id, secret: new Secret(asked.secret) };
  const secretHash = loginLinkHash(parts.crypto, link);
  const spent = await spendLoginLink(parts.db, { id: asked.id, secretHash, now: parts.clock.now() });
  const root = parts.home.ownerRoot();
  if (spent && root !== undefined) return root;
  await parts.audit.record({
    actor: `address:${from.visitor}`,
    action: "account.sign_in_refused",
    target: "login link",
    ...ofHome(parts),
    requestId: from.requestId,
  });
  throw new MusterError("token_invalid", "this sign-in link was used before, is over, or is none", {
    hint: "make a new one on the hub's machine: muster hub login-link",
  });
}

async function accountOf({ db, accounts, home }: ApiParts, root: string): Promise<string> {
  const known = (await findOwner(db, root))?.user_id;
  if (known !== undefined && known !== null) return known;
  const made = await accounts.createOwner(FIRST_NAME);
  if (await setOwnerUser(db, root, made.userId)) return made.userId;
  throw new Error(`the owner log ${home.ownerRoot() ?? root} has no row to give an account to`);
}

function browserKeys(asked: LoginRequest): BrowserKeys {
  const publicKey = fromBase64Url(asked.public_key);
  const linkKey = fromBase64Url(asked.link_key);
  if (publicKey?.length !== 32 || linkKey?.length !== 32 || !isStrictKey(publicKey)) {
    throw new MusterError("bad_request", "the browser's keys are none");
  }
  return { publicKey, linkKey, name: asked.name };
}

function queue(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };
}
