// Whether a connection may come without the hub's own TLS exporter: the one place that decides it.
import type { BindingRule } from "../../identity/session.ts";
import { isLoopbackAddress } from "../../protocol/actors.ts";

export interface Came {
  /** Address of the far end, or of whom a named proxy names. */
  visitor: string;
  /** A named proxy brought it: TLS ends there. */
  proxied: boolean;
  /** This hub ended TLS. */
  tls: boolean;
  /** Of a WebSocket's upgrade; null from what is no browser. */
  origin: string | null;
}

/** `insecure`: the hub was started with it. It never loosens what comes by TLS. */
export function bindingRuleFor({ visitor, proxied, tls, origin }: Came, insecure: boolean): BindingRule {
  if (origin !== null) return { type: "browser", origin };
  if (proxied) return { type: "proxy" };
  if (isLoopbackAddress(visitor)) return { type: "loopback" };
  return insecure && !tls ? { type: "insecure" } : { type: "required" };
}
