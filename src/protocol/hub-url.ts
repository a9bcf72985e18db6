// The URL of a hub as people give it, and what is dialled for it.
import { MusterError } from "./errors.ts";
import { isLoopbackAddress } from "./actors.ts";

/** Off this machine a hub is spoken to by https only. Throws `hub_insecure`, `invalid`. */
export function checkSecure(hubUrl: string, insecure: boolean): void {
  const { protocol, hostname } = parsed(hubUrl);
  const local =
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    isLoopbackAddress(hostname.replace(/^\[|\]$/g, ""));
  if (protocol === "https:" || local || insecure) return;
  throw new MusterError(
    "hub_insecure",
    `${hubUrl} is plain HTTP, which anyone on the way can read and change`,
    {
      hint: "use its https address, or accept the risk with --insecure",
    },
  );
}

/** `wss://host[:port]/ws` for `https://host[:port]`. Throws `invalid`. */
export function webSocketUrl(hubUrl: string): string {
  const { protocol, host } = parsed(hubUrl);
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/ws`;
}

function parsed(hubUrl: string): URL {
  const url = URL.canParse(hubUrl) ? new URL(hubUrl) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new MusterError("invalid", `"${hubUrl.slice(0, 200)}" is no address of a hub`, {
    hint: "it begins with https://",
  });
}
