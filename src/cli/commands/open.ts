// `muster open`: the page of this device's own agent, in this person's browser. A browser is started with a file that
// only this user can read, never with the link itself: everyone on a machine sees the arguments of its programs.
import { printJson, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import { plainLine } from "../plain-text.ts";

export interface OpenFlags {
  /** False with --no-browser. */
  browser: boolean;
}

export async function openPage(invocation: Invocation, flags: OpenFlags): Promise<void> {
  const { out, json, surroundings } = invocation;
  const { url, file, expires_at } = await (await requireAgent(invocation)).call("open_page", {});
  const opened = flags.browser && !json && (await surroundings.openBrowser(file));
  if (json) return printJson(invocation, { url, file, expires_at });
  out.line(
    opened
      ? "Opened in your browser. If nothing shows, open this:"
      : "Open this in a browser on this machine:",
  );
  out.line(out.style("bold", plainLine(url)));
  const { port } = new URL(url);
  if ((surroundings.environment["SSH_CONNECTION"] ?? "") !== "") {
    out.line(`From the machine you sit at, bring it there first: ssh -L ${port}:127.0.0.1:${port} HOST`);
  }
  out.line(
    out.style("dim", "It works once, within 5 minutes. The page comes from this device, not from the hub."),
  );
}
