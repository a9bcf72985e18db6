// The answers of the API, each with the headers it must have: JSON, a page of plain HTML, a redirect, a refusal.
import type { ErrorBody, MusterError } from "../../protocol/errors.ts";
import { PAGE_HEADERS } from "../../protocol/asset-answer.ts";
import { escapeHtml, plainPage } from "../../protocol/plain-page.ts";

/** Of everything that is data: whoever makes a browser show it gets text that can do nothing. */
const DATA_CSP = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox";

export function json(value: unknown, init: { status?: number; cookies?: readonly string[] } = {}): Response {
  const headers = new Headers({
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Content-Security-Policy": DATA_CSP,
    "Cross-Origin-Resource-Policy": "same-origin",
  });
  for (const cookie of init.cookies ?? []) headers.append("Set-Cookie", cookie);
  return new Response(JSON.stringify(value), { status: init.status ?? 200, headers });
}

export function refusalJson(error: MusterError): Response {
  const body: { error: ErrorBody } = { error: error.toJSON() };
  return json(body, { status: error.status });
}

/** `body` is HTML: whoever makes it escapes what is not its own. */
export function page(title: string, body: string, status = 200): Response {
  return html(plainPage({ title, body }), status);
}

export function html(text: string, status: number): Response {
  return new Response(text, {
    status,
    headers: { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", ...PAGE_HEADERS },
  });
}

export function refusalPage(error: MusterError): Response {
  if (error.code === "unauthorized") return page("Sign in first", SIGN_IN_FIRST, error.status);
  const title = "That did not work";
  const hint = error.hint === undefined ? "" : `<p>${escapeHtml(error.hint)}</p>\n`;
  const body = `<h1>${title}</h1>\n<p>${escapeHtml(error.message)}</p>\n${hint}<p><a href="/">To the hub</a></p>`;
  return page(title, body, error.status);
}

// Whoever comes from another site brings no strict cookie, though they may be signed in: a link to this very
// address brings it. The script leads back here from the sign-in; the words are the same for every address.
const SIGN_IN_FIRST = `<h1>Sign in first</h1>
<p>If you are signed in to this hub, <a href="">go on</a>.</p>
<p>If not, sign in at <a href="/" data-sign-in>the hub</a> and come back to this address.</p>
<script src="/access.js"></script>`;

export function redirect(to: string): Response {
  return new Response(null, { status: 303, headers: { Location: to, "Cache-Control": "no-store" } });
}
