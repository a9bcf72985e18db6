// The page of the hub's door: which share, on which device, and a button. The script beside it asks for the
// ticket and goes there; everything it needs stands in the button.
import { escapeHtml, plainPage } from "../../protocol/plain-page.ts";

export interface DoorPage {
  /** `share` is what a ticket for a service says; the browser's own key signs that one. */
  door: { label: string; host: string; device: string; share?: string };
  /** Undefined when the visitor has not been at the share yet: then the button leads there. */
  nonce: string | undefined;
  /** Goes on without a click. */
  auto: boolean;
}

export function doorPage({ door, nonce, auto }: DoorPage): string {
  const host = escapeHtml(door.host);
  const signs = door.share === undefined ? "" : ` data-share="${escapeHtml(door.share)}"`;
  const way =
    nonce === undefined
      ? `<p><a href="/access?to=${escapeHtml(encodeURIComponent(door.host))}">Open ${host}</a></p>`
      : `<p><button data-to="${host}" data-nonce="${escapeHtml(nonce)}" data-auto="${auto ? "yes" : "no"}"${signs}>Open ${host}</button></p>
<p class="bad" role="alert"></p>
<script src="/access.js"></script>`;
  return plainPage({
    title: `Open ${door.label}`,
    body: `<h1>Open ${escapeHtml(door.label)}?</h1>
${door.share === undefined ? ofShare(door) : ofService(door)}
${way}`,
  });
}

function ofShare({ host, device }: DoorPage["door"]): string {
  return `<p><code>${escapeHtml(host)}</code> is published by the device <b>${escapeHtml(device)}</b> for people who are signed in here.
It will learn which account opens it.</p>`;
}

function ofService({ host, device }: DoorPage["door"]): string {
  return `<p><code>${escapeHtml(host)}</code> is a service of the device <b>${escapeHtml(device)}</b>, open to keys that may command it.
This browser signs with its own key. What passes then goes through this hub, which could read it.</p>`;
}
