// The launchd property list of the agent: an agent of the person, which starts at login, or a daemon of the
// machine. launchd starts it again by itself, at most every ten seconds when it keeps failing.
import type { Layout } from "./layout.ts";
import { AGENT_LABEL } from "./layout.ts";

/** launchd's own least time between two starts (launchd.plist(5)). */
const THROTTLE_SECONDS = 10;
/** Longer than the 30 s that requests in flight have. */
const EXIT_SECONDS = 40;

export function agentPlist(layout: Layout): string {
  const log = `${layout.home}/logs/agent.log`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
${entry("Label", string(AGENT_LABEL))}
${entry("ProgramArguments", array([layout.program, "agent"]))}
${entry("EnvironmentVariables", dict({ MUSTER_HOME: layout.home }))}
${entry("RunAtLoad", "<true/>")}
${entry("KeepAlive", "<true/>")}
${entry("AbandonProcessGroup", "<true/>")}
${entry("ThrottleInterval", integer(THROTTLE_SECONDS))}
${entry("ExitTimeOut", integer(EXIT_SECONDS))}
${entry("ProcessType", string("Interactive"))}
${entry("Umask", integer(0o077))}
${entry("StandardOutPath", string(log))}
${entry("StandardErrorPath", string(log))}
${layout.account === undefined ? "" : `${entry("UserName", string(layout.account))}\n`}</dict>
</plist>
`;
}

function entry(key: string, value: string): string {
  return `  <key>${key}</key>\n  ${value}`;
}

function string(text: string): string {
  return `<string>${escaped(text)}</string>`;
}

function integer(value: number): string {
  return `<integer>${value}</integer>`;
}

function array(texts: readonly string[]): string {
  return `<array>\n${texts.map((text) => `    ${string(text)}\n`).join("")}  </array>`;
}

function dict(values: Record<string, string>): string {
  const pairs = Object.entries(values).map(
    ([key, value]) => `    <key>${escaped(key)}</key>\n    ${string(value)}\n`,
  );
  return `<dict>\n${pairs.join("")}  </dict>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
