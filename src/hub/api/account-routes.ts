// The person behind the page: who is signed in, in and out by a password or a passkey, and how to enter again.
import { z } from "zod";
import { MusterError } from "../../protocol/errors.ts";
import type { SessionResponse } from "../../protocol/hub-api.ts";
import type { Actor } from "../../protocol/actors.ts";
import { OPEN_PATHS, AUTH_PATH } from "../accounts/better-auth-options.ts";
import { RateLimiter, sourceOf } from "../rate-limit.ts";
import type { Deed } from "../audit.ts";
import { ownerRootsOf } from "./actor.ts";
import { json } from "./answers.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource, ofHome } from "./hub-resource.ts";
import type { ApiParts } from "./ports.ts";
import { readJsonBytes } from "./read-json.ts";
import { type Call, type Route, route } from "./route.ts";

/** Guesses at one account's password, from wherever: a stranger's flood shuts the word, never key or link. */
const GUESSES = { burst: 20, refillMs: 60_000 };
const PASSKEY_CALLS = { burst: 60, refillMs: 60_000 };

const signIn = z.object({ name: z.string().min(1).max(64), password: z.string().min(1).max(1024) });
const change = z.object({
  name: z.string().max(64),
  password: z.string().max(1024),
  current_password: z.string().max(1024).optional(),
});
const nothing = z.object({});

export function accountRoutes(parts: ApiParts, entries: RateLimiter): Route[] {
  const { accounts, audit } = parts;
  const guesses = new RateLimiter(parts.clock, GUESSES);
  return [
    route<"account.see">({
      method: "GET",
      path: "/api/session",
      action: "account.see",
      at: "page",
      async answer(call) {
        call.allow(hubResource(parts));
        return json(await sessionFacts(parts, call.request));
      },
    }),
    route<"account.enter">({
      method: "POST",
      path: "/api/sign-in",
      action: "account.enter",
      at: "page",
      async answer(call) {
        call.allow(hubResource(parts));
        const { visitor, requestId } = call.facts;
        holdBack(entries.take(sourceOf(visitor)));
        const { name, password } = await call.json(signIn);
        holdBack(guesses.take(name.toLowerCase()));
        const entered = await accounts.signInWithPassword({ name, password, visitor });
        if (entered === undefined) {
          const actor = `address:${visitor}`;
          const told = { actor, action: "account.sign_in_refused", target: "password", requestId } as const;
          await audit.record({ ...told, ...ofHome(parts) });
          throw new MusterError("unauthorized", "name or password is wrong");
        }
        const { session, cookies } = entered;
        await tell(parts, session.userId, {
          action: "account.signed_in",
          detail: { by: "password" },
          requestId,
        });
        return json({ user: { id: session.userId, name: session.name } }, { cookies });
      },
    }),
    route<"account.leave">({
      method: "POST",
      path: "/api/sign-out",
      action: "account.leave",
      at: "page",
      async answer(call) {
        call.allow(hubResource(parts));
        await call.json(nothing);
        const session = await accounts.sessionOf(call.request);
        const cookies = await accounts.signOut(call.request);
        if (session !== undefined) {
          parts.sessionsEnded?.(session.userId);
          const { requestId } = call.facts;
          await tell(parts, session.userId, { action: "account.signed_out", requestId });
        }
        return json({}, { cookies });
      },
    }),
    route<"account.change">({
      method: "POST",
      path: "/api/account",
      action: "account.change",
      at: "page",
      async answer(call) {
        call.allow(await ownAccount(parts, call));
        holdBack(entries.take(sourceOf(call.facts.visitor)));
        const { name, password, current_password: currentPassword } = await call.json(change);
        const session = await accounts.setPassword(call.request, {
          name,
          password,
          ...(currentPassword === undefined ? {} : { currentPassword }),
        });
        parts.sessionsEnded?.(session.userId);
        const { requestId } = call.facts;
        await tell(parts, session.userId, { action: "account.changed", requestId });
        return json({ user: { id: session.userId, name } });
      },
    }),
    ...passkeyRoutes(parts),
  ];
}

function passkeyRoutes(parts: ApiParts): Route[] {
  const limiter = new RateLimiter(parts.clock, PASSKEY_CALLS);
  const answer = async ({ request, facts }: Pick<Call, "request" | "facts">): Promise<Response> => {
    holdBack(limiter.take(sourceOf(facts.visitor)));
    const { url, method, headers } = request;
    const body = method === "POST" ? { body: await readJsonBytes(request) } : {};
    const answered = await parts.accounts.handler(
      new Request(url, { method, headers, ...body }),
      facts.visitor,
    );
    if (answered?.ok !== true) throw passkeyRefusal(answered?.status);
    answered.headers.set("Cache-Control", "no-store");
    return answered;
  };
  return [...OPEN_PATHS].map(([path, { method, right }]) => {
    const place = { method, path: AUTH_PATH + path, at: "page" } as const;
    if (right === "account.enter") {
      return route<"account.enter">({
        ...place,
        action: right,
        answer(call) {
          call.allow(hubResource(parts));
          return answer(call);
        },
      });
    }
    return route<"account.change">({
      ...place,
      action: right,
      async answer(call) {
        call.allow(await ownAccount(parts, call));
        return answer(call);
      },
    });
  });
}

/** What a person did with their own account stands in the record of each owner log that is theirs. */
async function tell(
  parts: ApiParts,
  userId: string,
  deed: Pick<Deed, "action" | "detail" | "requestId">,
): Promise<void> {
  const actor = `user:${userId}`;
  for (const ownerRoot of await ownerRootsOf(parts, userId)) {
    await parts.audit.record({ ...deed, actor, target: actor, ownerRoot });
  }
}

// The library tells another's passkey from none at all, and quotes what was sent: its refusals are not passed on.
function passkeyRefusal(status: number | undefined): MusterError {
  if (status === 429)
    return new MusterError("too_many", "too many attempts", { hint: "try again in a minute" });
  if (status === 403)
    return new MusterError("forbidden", "this sign-in is too old", { hint: "sign in again first" });
  if (status !== undefined && status >= 500) return new MusterError("internal", "internal error");
  return new MusterError("not_found", "there is no such passkey, or it did not prove itself");
}

// The page's key says who may, the cookie says whose account it is about: both must name one person.
async function ownAccount(
  { accounts }: ApiParts,
  { request, actor }: { request: Request; actor: Actor },
): Promise<{ kind: "account"; userId: string } | undefined> {
  const session = actor.kind === "person" ? await accounts.sessionOf(request) : undefined;
  return session === undefined ? undefined : { kind: "account", userId: session.userId };
}

async function sessionFacts(parts: ApiParts, request: Request): Promise<SessionResponse> {
  const { accounts, addresses, guests = false } = parts;
  const allowed = { passkeys_allowed: isPasskeyPlace(addresses.pageOrigin()), guests_allowed: guests };
  const session = await accounts.sessionOf(request);
  if (session === undefined) return { user: null, ...allowed };
  const { hasPassword, passkeys } = await accounts.waysIn(session.userId);
  return {
    user: { id: session.userId, name: session.name, has_password: hasPassword, passkeys },
    ...allowed,
  };
}

/** WebAuthn wants a domain name, and TLS unless it is this machine's own (WebAuthn level 3, 13.4.9). */
function isPasskeyPlace(pageOrigin: string | undefined): boolean {
  if (pageOrigin === undefined) return false;
  const { protocol, hostname } = new URL(pageOrigin);
  if (/^[\d.]+$/.test(hostname) || hostname.startsWith("[")) return false;
  return protocol === "https:" || hostname === "localhost" || hostname.endsWith(".localhost");
}
