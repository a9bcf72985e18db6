// What a browser shows of a link that shares a device. A browser begins no owner log, so the page says what to do
// instead; the token stands behind the `#` and never comes here.
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
<p class="quiet">The link works once. Whoever uses it first has the device, so show it to nobody.</p>`,
  );
}
