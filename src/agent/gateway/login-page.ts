// The form that a browser gets in place of a share it may not see yet. Works without scripts.

import { escapeHtml, plainPage } from "../../protocol/plain-page.ts";

export const LOGIN_PATH = "/.muster/login";

export interface LoginPage {
  shareName: string;
  /** Where to go afterwards: a checked path of this host. */
  returnPath: string;
  /** What was wrong with the last try. */
  problem?: string;
}

export function loginPage({ shareName, returnPath, problem }: LoginPage): string {
  const alert = problem === undefined ? "" : `<p class="bad" role="alert">${escapeHtml(problem)}</p>\n`;
  return plainPage({
    title: `${shareName}: password`,
    body: `<h1>${escapeHtml(shareName)}</h1>
<p>This share is protected. Ask whoever gave you the address for its password.</p>
${alert}<form method="post" action="${LOGIN_PATH}">
<input type="hidden" name="to" value="${escapeHtml(returnPath)}">
<input type="text" name="username" value="${escapeHtml(shareName)}" autocomplete="username" hidden>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button>Open</button>
</form>`,
  });
}
