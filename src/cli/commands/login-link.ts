// `muster hub login-link`: one more one-time sign-in for the owner.

import { MusterError } from "../../protocol/errors.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { askAgentOrHub } from "../overview.ts";
import { plainLine } from "../plain-text.ts";

export async function loginLink(invocation: Invocation): Promise<void> {
  const question = { even_if_signed_in: true };
  const { login_url } = await askAgentOrHub(invocation, {
    agent: (agent) => agent.call("login_link", question),
    hub: (session) => session.request("login_link_make", question),
  });
  if (login_url === null) throw new MusterError("unavailable", "the hub made no sign-in link");
  if (invocation.json) return printJson(invocation, { login_url });
  const { out } = invocation;
  out.prose("It works once, within 15 minutes. Open it in the browser that shall be signed in:");
  out.line(out.style("bold", plainLine(login_url)));
}
