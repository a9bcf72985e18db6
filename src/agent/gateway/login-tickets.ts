// Shares for accounts of the hub (`--login`). An unknown visitor is sent to the hub, which knows people, and
// comes back with a ticket that the hub signed for this share, this host and the nonce of the cookie set on
// leaving. A ticket is good for a minute and for one time.

import { field } from "../../http1/field.ts";
import { equalSecretBytes, fromBase64Url, fromUtf8, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { plainPage, PLAIN_PAGE_CSP } from "../../protocol/plain-page.ts";
import { signedBytes } from "../../protocol/signed.ts";
import { decodeTicket, TICKET_LIFETIME_MS, TICKET_PATH, type TicketClaims } from "../../protocol/ticket.ts";
import { NO_SNIFF, NO_STORE, pageReply, problemReply, redirectReply, type Reply } from "./reply.ts";
import { safeReturnPath } from "./return-path.ts";
import { nonceCookie, nonceCookieValue, shareCookie, type DeviceKey } from "./share-cookie.ts";
import { askerOf, isNavigation, type ShareRequest } from "./share-target.ts";

export type VerifyEd25519 = (publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => boolean;

/** The hub this device has joined. */
export interface KnownHub {
  readonly url: string;
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array;
}

const NONCE_BYTES = 32;
const NONCE_LIFETIME_MS = 5 * 60_000;
/** Spent nonces are kept while their tickets could still come again. */
const SPENT_MAX = 4_096;

export interface TicketDeskOptions {
  readonly device: DeviceKey;
  readonly verify: VerifyEd25519;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Undefined while there is none. */
  readonly hub: () => KnownHub | undefined;
}

export class TicketDesk {
  readonly options: TicketDeskOptions;
  /** Nonce → when it may be forgotten. */
  readonly #spent = new Map<string, number>();

  constructor(options: TicketDeskOptions) {
    this.options = options;
  }

  /** Whether a visitor with this ticket and this nonce cookie is let in. Spends the ticket. */
  redeem(request: ShareRequest, ticket: string): boolean {
    const { verify, hub, nowMs } = this.options;
    const read = decodeTicket(ticket);
    const signer = hub();
    const expected = nonceOf(request)?.nonce;
    if (read === undefined || signer === undefined || expected === undefined) return false;
    const { claims, signature } = read;
    if (!isFor(request, claims, expected) || !isFresh(claims, nowMs())) return false;
    if (!verify(signer.key, signedBytes("ticket", claims), signature)) return false;
    return this.#spend(toBase64Url(claims.nonce), nowMs());
  }

  #spend(nonce: string, nowMs: number): boolean {
    for (const [each, forgetAt] of this.#spent) if (forgetAt <= nowMs) this.#spent.delete(each);
    // Full of tickets of this very minute: nobody is let in rather than one twice.
    if (this.#spent.has(nonce) || this.#spent.size >= SPENT_MAX) return false;
    this.#spent.set(nonce, nowMs + 2 * TICKET_LIFETIME_MS);
    return true;
  }
}

function isFor({ share, open }: ShareRequest, claims: TicketClaims, nonce: Uint8Array): boolean {
  return (
    claims.share === share.id &&
    claims.host === open.host.toLowerCase() &&
    equalSecretBytes(claims.nonce, nonce)
  );
}

/** The hub's clock may be ahead of ours, but not so far that a ticket lives longer than it should. */
function isFresh({ expiresAt }: TicketClaims, nowMs: number): boolean {
  return expiresAt > nowMs && expiresAt <= nowMs + 2 * TICKET_LIFETIME_MS;
}

/** The way to the hub for people, a plain refusal for programs. */
export function sendForTicket(desk: TicketDesk, request: ShareRequest): Reply {
  const { head, open, share } = request;
  const hub = desk.options.hub();
  if (!isNavigation(head) || head.method !== "GET") {
    return problemReply(
      {
        code: "unauthorized",
        title: "Signing in is needed",
        message: `"${share.name}" is for accounts of its hub. Open it in a browser.`,
        hop: "share",
      },
      askerOf(request),
    );
  }
  if (hub === undefined) {
    return problemReply(
      {
        code: "unavailable",
        title: "Nobody to sign in with",
        message: `"${share.name}" is for accounts of its hub, and its device has none at the moment.`,
        hop: "share",
      },
      askerOf(request),
    );
  }
  const nonce = toBase64Url(desk.options.randomBytes(NONCE_BYTES));
  const path = toBase64Url(utf8(safeReturnPath(head.target)));
  const query = new URLSearchParams({ to: open.host.toLowerCase(), nonce });
  return redirectReply(302, `${hub.url}/access?${query.toString()}`, [
    nonceCookie(`${nonce}.${path}`, open, NONCE_LIFETIME_MS),
  ]);
}

/** What the cookie that was set on leaving says. */
function nonceOf({ head, open }: ShareRequest): { nonce: Uint8Array; path: string } | undefined {
  const [nonceText = "", pathText = ""] = nonceCookieValue(head.fields, open)?.split(".") ?? [];
  const nonce = fromBase64Url(nonceText);
  const path = fromBase64Url(pathText);
  if (nonce?.length !== NONCE_BYTES) return undefined;
  return { nonce, path: safeReturnPath(path === undefined ? undefined : fromUtf8(path)) };
}

// The page that a visitor comes back to. The ticket stands after the `#`, which only a script can read.

export const TICKET_SCRIPT_PATH = `${TICKET_PATH}.js`;

const WITH_SCRIPT = field("Content-Security-Policy", `${PLAIN_PAGE_CSP}; script-src 'self'`);

export function ticketPage(): Reply {
  const html = plainPage({
    title: "Signing in",
    body: `<h1>Signing in</h1>
<form method="post" action="${TICKET_PATH}">
<input type="hidden" name="ticket" value="">
<button>Continue</button>
</form>
<noscript><p class="quiet">This step needs JavaScript.</p></noscript>
<script src="${TICKET_SCRIPT_PATH}"></script>`,
  });
  const reply = pageReply(200, html);
  const fields = reply.fields.map((each) => (each.lower === "content-security-policy" ? WITH_SCRIPT : each));
  return { ...reply, fields };
}

// The ticket leaves the address bar before anything else, so that no history keeps it.
const SCRIPT = `const ticket = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const form = document.querySelector("form");
form.elements.ticket.value = ticket;
if (ticket !== "") form.submit();
`;

export function ticketScript(): Reply {
  return {
    status: 200,
    fields: [field("Content-Type", "text/javascript; charset=utf-8"), NO_STORE, NO_SNIFF],
    body: { kind: "bytes", bytes: utf8(SCRIPT) },
  };
}

/** `ticket` is what the page posted. */
export function redeemReply(desk: TicketDesk, request: ShareRequest, ticket: string): Reply {
  const path = nonceOf(request)?.path ?? "/";
  const { open, share } = request;
  const { device, nowMs } = desk.options;
  if (desk.redeem(request, ticket)) {
    return redirectReply(303, path, [
      shareCookie(device, { share, open }, nowMs()),
      nonceCookie("", open, 0),
    ]);
  }
  return problemReply(
    {
      code: "forbidden",
      title: "This ticket does not open the share",
      message: "It was used before, is older than a minute, or was made for another browser.",
      hint: `Open "${share.name}" again from the start.`,
      hop: "share",
    },
    askerOf(request),
  );
}
