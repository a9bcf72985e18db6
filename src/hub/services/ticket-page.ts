// The page of a service's own host to which a browser comes back with its ticket. The ticket stands after the `#`,
// which only a script can read; it goes to the device in a field, and the answer brings the device's pass. Every
// name that could be a service's has this page, whether there is such a one or not.
import type { Answer } from "../../http1/answer.ts";
import { field } from "../../http1/field.ts";
import { PLAIN_PAGE_CSP, plainPage } from "../../protocol/plain-page.ts";
import { TICKET_PATH } from "../../protocol/ticket.ts";

const SCRIPT_PATH = `${TICKET_PATH}.js`;

/** Undefined for any other path. */
export function ticketPageAnswer(path: string): (Answer & { status: number }) | undefined {
  if (path === TICKET_PATH) return answer("text/html; charset=utf-8", PAGE);
  return path === SCRIPT_PATH ? answer("text/javascript; charset=utf-8", SCRIPT) : undefined;
}

function answer(type: string, body: string): Answer & { status: number } {
  const fields = [
    field("Content-Type", type),
    field("Cache-Control", "no-store"),
    field("Content-Security-Policy", `${PLAIN_PAGE_CSP}; script-src 'self'; connect-src 'self'`),
    field("X-Content-Type-Options", "nosniff"),
    field("Referrer-Policy", "no-referrer"),
  ];
  return { status: 200, fields, body };
}

const PAGE = plainPage({
  title: "Opening",
  body: `<h1>Opening the service</h1>
<p role="status">One moment…</p>
<noscript><p class="quiet">This step needs JavaScript.</p></noscript>
<script src="${SCRIPT_PATH}"></script>`,
});

// The ticket leaves the address bar before anything else, so that no history keeps it.
const SCRIPT = `"use strict";
(async () => {
  const ticket = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  const status = document.querySelector("[role=status]");
  if (ticket === "") return location.replace("/");
  try {
    const response = await fetch("/.muster/ticket", {
      method: "POST",
      headers: { "Muster-Ticket": ticket, Accept: "application/json" },
    });
    const answer = await response.json();
    if (response.ok) return location.replace(answer.to);
    status.textContent = [answer.error.message, answer.error.hint].filter(Boolean).join(" ");
  } catch {
    status.textContent = "The hub does not answer. Go back and try again.";
  }
  status.className = "bad";
})();
`;
