// What a link that shares a device shows where this hub has no page for the browser: which command takes it, and why
// nothing can be clicked. The token stands behind the `#` and never comes here.
import { escapeHtml } from "../../protocol/plain-page.ts";
import { page } from "./answers.ts";

export const CLAIM_PATH = "/claim";

/** `hubUrl` where this hub has the program to install. */
export function claimPage(hubUrl: string | undefined): Response {
  const install =
    hubUrl === undefined
      ? ""
      : `\n<p>Where Muster is missing: <code>curl -fsSL ${escapeHtml(hubUrl)}/install.sh | sh</code></p>`;
  return page(
    "Shared device",
    `<h1>Somebody shares a device with you</h1>
<p>Take it on a machine of yours, with the whole address of this page, what stands behind <code>#</code> included:</p>
<p><code>muster device claim 'ADDRESS'</code></p>${install}
<p>A click would do at a hub with a domain. A browser has no key of its own at this address, because a plain connection
or a tunnel of others lies between it and the hub, and a key is what a device obeys.</p>
<p class="quiet">The link works once. Whoever uses it first has the device, so show it to nobody.</p>`,
  );
}
