// The paths below `/.muster/` that the gateway keeps for itself on every share's host. They never reach the
// app, whether we know them or not.

import { PROOF_PATH } from "../../protocol/proof-text.ts";
import { TICKET_PATH } from "../../protocol/ticket.ts";
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { askReply, foreignReply, plainTextReply, waitReply, type AccessRules } from "./access.ts";
import { readForm } from "./form-body.ts";
import { LOGIN_PATH } from "./login-page.ts";
import { redeemReply, ticketPage, ticketScript, TICKET_SCRIPT_PATH } from "./login-tickets.ts";
import type { ProofDesk } from "./proof.ts";
import { problemReply, redirectReply, type Reply } from "./reply.ts";
import { isOwnOrigin } from "./request-origin.ts";
import { safeReturnPath } from "./return-path.ts";
import { shareCookie } from "./share-cookie.ts";
import { askerOf, firstValue, type ShareRequest } from "./share-target.ts";

const OWN_PREFIX = "/.muster/";

export interface OwnPaths {
  readonly rules: AccessRules;
  readonly proofs: ProofDesk;
}

export function isOwnPath(target: string): boolean {
  return target.startsWith(OWN_PREFIX);
}

/**
 * Calls `reply` with the answer, now or later; not at all when the visitor leaves meanwhile. Returns who is to
 * be told of the request until then, if anybody.
 */
export function answerOwnPath(
  { rules, proofs }: OwnPaths,
  { request, exchange }: { request: ShareRequest; exchange: Exchange },
  reply: (reply: Reply | Promise<Reply>) => void,
): ExchangeEvents | undefined {
  const { share, head, open } = request;
  const path = pathOf(head.target);
  const reads = head.method === "GET" || head.method === "HEAD";
  if (path === PROOF_PATH && reads) {
    reply(proofs.reply(request));
    return undefined;
  }
  const takesForms = formFor(path, request);
  if (!takesForms || (!reads && head.method !== "POST")) {
    reply(unknownPath(request));
    return undefined;
  }
  if (!open.secure && !share.insecure) {
    reply(plainTextReply(request));
    return undefined;
  }
  if (reads) {
    reply(formReply(path, request));
    return undefined;
  }
  const origin = firstValue(head.fields, "origin");
  if (origin !== undefined && !isOwnOrigin(origin, open)) {
    reply(foreignReply(request, "cross_site"));
    return undefined;
  }
  return readForm(exchange, (form) => {
    if (form === undefined) reply(badForm(request));
    else if (path === LOGIN_PATH) reply(checkLogin(rules, request, form));
    else reply(redeemReply(rules.tickets, request, form.get("ticket") ?? ""));
  });
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/** Each way of access has its own forms; the others' are not there. */
function formFor(path: string, { share }: ShareRequest): boolean {
  if (share.access === "password") return path === LOGIN_PATH;
  return share.access === "login" && (path === TICKET_PATH || path === TICKET_SCRIPT_PATH);
}

function formReply(path: string, request: ShareRequest): Reply {
  if (path === LOGIN_PATH) return askReply(request);
  return path === TICKET_SCRIPT_PATH ? ticketScript() : ticketPage();
}

async function checkLogin(rules: AccessRules, request: ShareRequest, form: URLSearchParams): Promise<Reply> {
  const { share, open } = request;
  const returnPath = safeReturnPath(form.get("to") ?? undefined);
  const password = form.get("password") ?? "";
  const verdict = await rules.passwords.check({ share, visitor: open.visitor, password });
  switch (verdict.kind) {
    case "right":
      return redirectReply(303, returnPath, [shareCookie(rules.device, { share, open }, rules.nowMs())]);
    case "wrong":
      return askReply(request, { problem: "This is not the password.", returnPath });
    case "wait":
      return waitReply(request, verdict.waitMs);
  }
}

function badForm(request: ShareRequest): Reply {
  return problemReply(
    {
      code: "bad_request",
      title: "This form cannot be read",
      message: "A small form of known length is expected here, as browsers send it.",
      hop: "share",
    },
    askerOf(request),
  );
}

function unknownPath(request: ShareRequest): Reply {
  return problemReply(
    {
      code: "not_found",
      title: "There is nothing here",
      message: `Paths below ${OWN_PREFIX} are kept for the share's own use.`,
      hop: "share",
    },
    askerOf(request),
  );
}
