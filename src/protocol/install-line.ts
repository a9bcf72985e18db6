// The lines that let another machine, or another owner, in: which address of the hub it takes, and whether any other machine
// reaches that at all. Pure.
import { isLoopbackAddress } from "./actors.ts";

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

export interface ClaimLine {
  claim: string;
  /** For a browser; undefined where plain HTTP lies on its way, for it has no keys there. */
  link: string | undefined;
  onlyHere: boolean;
}

/** The ways by which a person takes a shared device. */
export function claimLine(addresses: HubAddresses, token: string): ClaimLine {
  const { hubUrl, insecure } = addresses;
  const others = reachedFromElsewhere(addresses);
  const words = others?.startsWith("http:") === true && insecure ? " --insecure" : "";
  const url = others !== undefined && (words !== "" || others.startsWith("https:")) ? others : undefined;
  const link = `${url ?? hubUrl}/claim#${token}`;
  return {
    claim: `muster device claim ${link}${words}`,
    link: words === "" ? link : undefined,
    onlyHere: url === undefined,
  };
}

export function installLine(addresses: HubAddresses, token: string): InstallLine {
  const { hubUrl, insecure } = addresses;
  const others = reachedFromElsewhere(addresses);
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

function reachedFromElsewhere({ hubUrl, lanUrl }: HubAddresses): string | undefined {
  return [hubUrl, lanUrl].find((url) => url !== undefined && isElsewhere(url));
}

function isElsewhere(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return host !== "localhost" && !host.endsWith(".localhost") && !isLoopbackAddress(host);
}
