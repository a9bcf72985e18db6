// The frame of the few pages that stand alone: refusals, the password form, folder listings. One file of
// HTML with its style inside, no script, nothing fetched; readable on a phone, by day and by night.

/** Sent with every such page. The style is inside the page, so that is all it may use. */
export const PLAIN_PAGE_CSP =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface PlainPage {
  title: string;
  /** HTML: whoever makes it escapes what is not its own. */
  body: string;
}

export function plainPage({ title, body }: PlainPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** For text and for attribute values in double quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

const STYLE = `
:root {
  color-scheme: light dark;
  --ground: oklch(99% 0.003 250); --ink: oklch(24% 0.02 250); --quiet: oklch(47% 0.02 250);
  --line: oklch(88% 0.01 250); --act: oklch(46% 0.15 255); --on-act: oklch(99% 0 0); --bad: oklch(50% 0.18 27);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: oklch(19% 0.012 250); --ink: oklch(93% 0.008 250); --quiet: oklch(73% 0.015 250);
    --line: oklch(34% 0.015 250); --act: oklch(78% 0.12 250); --on-act: oklch(19% 0.02 250); --bad: oklch(74% 0.15 27);
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; overflow-wrap: anywhere;
}
main { max-width: 40rem; margin: 0 auto; padding: max(24px, 12vh) 24px 48px; }
h1 { font-size: 20px; line-height: 1.3; font-weight: 600; margin: 0 0 8px; }
p { margin: 0 0 12px; }
a { color: var(--act); }
code, .mono { font: 14px/1.5 ui-monospace, "Cascadia Code", Menlo, Consolas, monospace; font-variant-numeric: tabular-nums; }
.quiet { color: var(--quiet); font-size: 14px; }
.bad { color: var(--bad); }
form { display: grid; gap: 8px; max-width: 20rem; margin-top: 20px; }
label { font-size: 14px; color: var(--quiet); }
input, button { font: inherit; padding: 8px 12px; border: 1px solid var(--line); border-radius: 4px; }
input { background: var(--ground); color: var(--ink); width: 100%; }
button { background: var(--act); border-color: var(--act); color: var(--on-act); font-weight: 600; cursor: pointer; }
:focus-visible { outline: 2px solid var(--act); outline-offset: 2px; }
ol.path { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 12px 0; margin: 16px 0; border-block: 1px solid var(--line); font-size: 14px; }
ol.path li::before { content: "\\25CF\\00A0"; }
ol.path .broken { color: var(--bad); font-weight: 600; }
ol.path .broken::before { content: "\\2298\\00A0"; }
ol.path .unasked { color: var(--quiet); }
ol.path .unasked::before { content: "\\25CC\\00A0"; }
table { border-collapse: collapse; width: 100%; margin-top: 16px; }
td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
td:not(:first-child) { text-align: right; white-space: nowrap; color: var(--quiet); padding-right: 0; padding-left: 12px; }
`;
