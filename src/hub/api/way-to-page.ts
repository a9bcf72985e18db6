// What the hub's other addresses answer to a person who wants its page. A page on a name of this machine can
// only be opened from this machine: sending others to it would send them to their own.
import { escapeHtml } from "../../protocol/plain-page.ts";
import { isLocalName } from "../addresses.ts";
import { page, redirect } from "./answers.ts";
import type { Addresses } from "./ports.ts";

export function wayToThePage(addresses: Addresses, url: URL): Response {
  const pageOrigin = addresses.pageOrigin();
  if (pageOrigin === undefined) return noPage(`<p>This hub shows no page.</p>`);
  const there = sentToThePage(addresses, url);
  if (there !== undefined) return there;
  const { port } = new URL(pageOrigin);
  const address = escapeHtml(pageOrigin);
  return noPage(`<p>The page of this hub opens on the hub's own machine only, at <code>${address}</code>: a password or a key
that is typed here would pass the network unprotected, or through a tunnel that is not the hub's own.</p>
<p>From elsewhere, bring that address to your machine and open it there:</p>
<p><code>ssh -L ${port}:127.0.0.1:${port} ${escapeHtml(url.hostname)}</code></p>
<p class="quiet">Devices, and pages that are shared here, do not need this.</p>`);
}

/** Undefined where the page can't be opened from there. What stands behind the `#` goes along: the browser keeps it. */
export function sentToThePage(addresses: Addresses, url: URL): Response | undefined {
  const pageOrigin = addresses.pageOrigin();
  if (pageOrigin === undefined) return undefined;
  const reachable = !isLocalName(new URL(pageOrigin).hostname) || isLocalName(url.hostname);
  return reachable ? redirect(`${pageOrigin}${url.pathname}${url.search}`) : undefined;
}

function noPage(words: string): Response {
  return page("Muster hub", `<h1>This is a Muster hub</h1>\n${words}`);
}
