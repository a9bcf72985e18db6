// The line that lets another machine in: which address of the hub it takes, and whether any other machine
// reaches that at all. Pure.
import { isLoopbackAddress } from "./permissions.ts";

export interface HubAddresses {
  /** As the hub says. */
  hubUrl: string;
  /** Where its network reaches a hub without a domain, if it does. */
  lanUrl: string | undefined;
  /** Plain HTTP from elsewhere was accepted. */
  insecure: boolean;
}

export interface InstallLine {
  install: string;
  /** No other machine can use it. */
  onlyHere: boolean;
}

export function installLine({ hubUrl, lanUrl, insecure }: HubAddresses, token: string): InstallLine {
  const others = [hubUrl, lanUrl].find((url) => url !== undefined && isElsewhere(url));
  if (others?.startsWith("https:") === true) return { install: line(others, token), onlyHere: false };
  if (others !== undefined && insecure) {
    // Such a hub knows itself by another name than this one, and the script it hands out says that.
    return { install: line(others, `--hub ${others} --insecure ${token}`), onlyHere: false };
  }
  return { install: line(hubUrl, token), onlyHere: true };
}

function line(url: string, words: string): string {
  return `curl -fsSL ${url}/install.sh | sh -s -- ${words}`;
}

function isElsewhere(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return host !== "localhost" && !host.endsWith(".localhost") && !isLoopbackAddress(host);
}
