// Who may see a share, decided here on every way in. A visitor is let in by the share's cookie, or by its
// password sent along (`Authorization: Basic` or `Muster-Password`); what proved it ends here, and the app's
// own credentials pass.

import { field } from "../../http1/field.ts";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { loginPage } from "./login-page.ts";
import { sendForTicket, type TicketDesk } from "./login-tickets.ts";
import type { Guess, PasswordCheck, Verdict } from "./password-check.ts";
import { NO_STORE, pageReply, problemReply, type Reply } from "./reply.ts";
import { originProblem } from "./request-origin.ts";
import { safeReturnPath } from "./return-path.ts";
import type { DeviceKey, ShareCookies } from "./share-cookie.ts";
import { askerOf, firstValue, isNavigation, type ShareRequest } from "./share-target.ts";

export interface AccessRules {
  readonly device: DeviceKey;
  readonly cookies: ShareCookies;
  readonly passwords: PasswordCheck;
  readonly tickets: TicketDesk;
  /** Wall clock, milliseconds since the epoch. */
  nowMs(): number;
}

export type Admission =
  | { readonly kind: "admitted"; readonly dropAuthorization: boolean }
  | { readonly kind: "refused"; readonly reply: Reply };

const ADMITTED: Admission = { kind: "admitted", dropAuthorization: false };
const ADMITTED_BY_BASIC: Admission = { kind: "admitted", dropAuthorization: true };

/** At once for whoever is known; a promise only where a password has to be hashed. */
export function admit(rules: AccessRules, request: ShareRequest): Admission | Promise<Admission> {
  const { share, head, open } = request;
  if (share.access === "public") return ADMITTED;
  if (!open.secure && !share.insecure) return refused(plainTextReply(request));
  const problem = originProblem(head, open, share.allowOrigins);
  if (problem !== undefined) return refused(foreignReply(request, problem));
  const known = rules.cookies.admit({ share, open, fields: head.fields }, rules.nowMs());
  if (share.access === "login") {
    return known ? ADMITTED : refused(sendForTicket(rules.tickets, request));
  }
  return known ? letIn(rules, request) : byPassword(rules, request);
}

/** The visitor is in already: all that is left is to keep a password of ours from the app. */
function letIn(rules: AccessRules, request: ShareRequest): Admission | Promise<Admission> {
  const guess = basicGuess(request);
  if (guess === undefined) return ADMITTED;
  const recalled = rules.passwords.recall(guess);
  if (recalled !== undefined) return recalled === "ours" ? ADMITTED_BY_BASIC : ADMITTED;
  return rules.passwords.isOurs(guess).then((verdict) => {
    if (verdict.kind === "wait") return refused(waitReply(request, verdict.waitMs));
    return verdict.kind === "right" ? ADMITTED_BY_BASIC : ADMITTED;
  });
}

function byPassword(rules: AccessRules, request: ShareRequest): Admission | Promise<Admission> {
  const { share, open, head } = request;
  const password = textOf(firstValue(head.fields, "muster-password"));
  if (password !== undefined) {
    const guess = { share, visitor: open.visitor, password };
    if (rules.passwords.recall(guess) === "ours") return letIn(rules, request);
    return rules.passwords
      .check(guess)
      .then((verdict) => (verdict.kind === "right" ? letIn(rules, request) : refuseGuess(request, verdict)));
  }
  const basic = basicGuess(request);
  if (basic === undefined) return refused(askReply(request));
  // The next owner of a quick tunnel's name would be sent it too.
  if (open.link === "quick") return refused(askReply(request));
  if (rules.passwords.recall(basic) === "ours") return ADMITTED_BY_BASIC;
  return rules.passwords
    .check(basic)
    .then((verdict) => (verdict.kind === "right" ? ADMITTED_BY_BASIC : refuseGuess(request, verdict)));
}

function refuseGuess(request: ShareRequest, verdict: Verdict): Admission {
  return refused(verdict.kind === "wait" ? waitReply(request, verdict.waitMs) : askReply(request));
}

function refused(reply: Reply): Admission {
  return { kind: "refused", reply };
}

/** What stands in `Authorization: Basic`, whatever the user name. */
function basicGuess({ share, open, head }: ShareRequest): Guess | undefined {
  const value = firstValue(head.fields, "authorization");
  if (value === undefined || value.slice(0, 6).toLowerCase() !== "basic ") return undefined;
  const pair = fromUtf8(Buffer.from(value.slice(6).trim(), "base64"));
  const colon = pair?.indexOf(":") ?? -1;
  return pair === undefined || colon < 0
    ? undefined
    : { share, visitor: open.visitor, password: pair.slice(colon + 1) };
}

/** Field values are latin1, one character a byte; what people mean is UTF-8. */
function textOf(value: string | undefined): string | undefined {
  if (value === undefined || isAscii(value)) return value;
  return fromUtf8(Buffer.from(value, "latin1")) ?? value;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

// What those who are not let in get.

// A scheme browsers do not know: they show our form, and no box of their own.
const ASK_BROWSER = field("WWW-Authenticate", "Muster-Password");
const ASK_PROGRAM = field("WWW-Authenticate", 'Basic realm="muster", charset="UTF-8"');

/** 401: the form for people, a challenge for programs. `form` says what the form shows after a wrong try. */
export function askReply(
  request: ShareRequest,
  form?: { readonly problem: string; readonly returnPath: string },
): Reply {
  const { share, head, open } = request;
  const navigates = isNavigation(head);
  const browser = navigates || head.fields.some((each) => each.lower.startsWith("sec-fetch-"));
  const challenge = browser || open.link === "quick" ? ASK_BROWSER : ASK_PROGRAM;
  if (navigates) {
    const page = { shareName: share.name, returnPath: safeReturnPath(head.target), ...form };
    return pageReply(401, loginPage(page), [challenge]);
  }
  const hint =
    open.link === "quick"
      ? "Send it as 'Muster-Password: PASSWORD'."
      : "Send it as 'Muster-Password: PASSWORD' or with Basic authentication and any user name.";
  return problemReply(
    {
      code: "unauthorized",
      title: "A password is needed",
      message: `"${share.name}" is protected by a password.`,
      hint,
      hop: "share",
    },
    askerOf(request),
    [challenge],
  );
}

export function waitReply(request: ShareRequest, waitMs: number): Reply {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return problemReply(
    {
      code: "too_many",
      title: "Too many attempts",
      message: `No further password is looked at for ${seconds} s.`,
      hint: "Wait that long, then try again.",
      hop: "share",
    },
    askerOf(request),
    [field("Retry-After", String(seconds))],
  );
}

export function plainTextReply(request: ShareRequest): Reply {
  return problemReply(
    {
      code: "forbidden",
      title: "Not over plain HTTP",
      message: `"${request.share.name}" is protected, and on this address anyone on the way could read what you send.`,
      hint: "Open it over https. Its owner can also make it public, or accept the risk with --insecure.",
      hop: "share",
    },
    askerOf(request),
  );
}

export function foreignReply(request: ShareRequest, problem: "cross_site" | "foreign_upgrade"): Reply {
  return problemReply(
    {
      code: "forbidden",
      title: "Not from another site",
      message:
        problem === "cross_site"
          ? `A page of another site asked for something of "${request.share.name}", which is protected.`
          : `A page of another site tried to connect to "${request.share.name}", which is protected.`,
      hint: "If that page is meant to, its origin can be allowed with --allow-origin.",
      hop: "share",
    },
    askerOf(request),
    [NO_STORE],
  );
}
