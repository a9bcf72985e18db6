// The page of the hub's door: which share, on which device, and a button. The script beside it asks for the
// ticket and goes there; everything it needs stands in the button.
import { escapeHtml, plainPage } from "../../protocol/plain-page.ts";

export interface DoorPage {
  door: { label: string; host: string; device: string };
  /** Undefined when the visitor has not been at the share yet: then the button leads there. */
  nonce: string | undefined;
  /** Goes on without a click. */
  auto: boolean;
}

export function doorPage({ door, nonce, auto }: DoorPage): string {
  const host = escapeHtml(door.host);
  const way =
    nonce === undefined
      ? `<p><a href="/access?to=${escapeHtml(encodeURIComponent(door.host))}">Open ${host}</a></p>`
      : `<p><button data-to="${host}" data-nonce="${escapeHtml(nonce)}" data-auto="${auto ? "yes" : "no"}">Open ${host}</button></p>
<p class="bad" role="alert"></p>
<script src="/access.js"></script>`;
  return plainPage({
    title: `Open ${door.label}`,
    body: `<h1>Open ${escapeHtml(door.label)}?</h1>
<p><code>${host}</code> is published by the device <b>${escapeHtml(door.device)}</b> for people who are signed in here.
It will learn which account opens it.</p>
${way}`,
  });
}

export const ACCESS_SCRIPT = `"use strict";
(() => {
  const signIn = document.querySelector("a[data-sign-in]");
  if (signIn !== null && location.pathname === "/access") signIn.hash = "then=" + encodeURIComponent(location.search);
  const button = document.querySelector("button[data-to]");
  const problem = document.querySelector("[role=alert]");
  if (button === null || problem === null) return;
  const enter = async () => {
    button.disabled = true;
    problem.textContent = "";
    try {
      const response = await fetch("/api/access", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ to: button.dataset.to, nonce: button.dataset.nonce }),
      });
      const answer = await response.json();
      if (response.ok) return location.replace(answer.url);
      problem.textContent = answer.error.message;
    } catch {
      problem.textContent = "The hub does not answer. Try again.";
    }
    button.disabled = false;
  };
  button.addEventListener("click", enter);
  if (button.dataset.auto === "yes") enter();
})();
`;
