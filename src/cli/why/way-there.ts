// The first hops to any URL: its name, its address, TLS. What breaks there is known by the system's codes.

import { MusterError, systemCode } from "../../protocol/errors.ts";
import type { PathProbe } from "./path-probe.ts";
import type { Seen, Station } from "./walk.ts";

export interface Goal {
  url: URL;
  /** PEM of the authority that the hub brought itself. */
  ca: string | undefined;
  /** What to do where nothing listens there. */
  start: string;
  /** Throws for addresses that are not to be asked. Behind a proxy none is known, and there are none. */
  allow?: (addresses: readonly string[]) => Promise<void>;
}

export function wayThere(probe: PathProbe, { url, ca, start, allow }: Goal): Station[] {
  const { hostname, host, protocol } = url;
  const secure = protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const proxy = probe.proxyOf(url.href);
  // Who goes by a proxy sees nothing of what lies between that and the far end.
  if (proxy !== undefined) {
    const detail = `this machine gets there by the proxy ${proxy}`;
    const look = async (): Promise<Seen> => {
      await allow?.([]);
      return { detail, ms: null, unasked: true };
    };
    return [{ name: "proxy", look }];
  }
  let addresses: readonly string[] = [];
  let taken = "";
  const tlsStation: Station = {
    name: "tls",
    async look() {
      const tls = { serverName: hostname, ...(ca === undefined ? {} : { ca }) };
      await probe.reach({ address: taken, port, tls }).catch((error: unknown) => {
        throw tlsProblem(hostname, error);
      });
      return { detail: `the certificate is good for ${hostname}` };
    },
  };
  return [
    {
      name: "name",
      async look() {
        addresses = await probe.resolve(hostname).catch((error: unknown) => {
          throw nameProblem(hostname, error);
        });
        await allow?.(addresses);
        const [first = "none"] = addresses;
        const own = hostname === first || hostname === `[${first}]`;
        return {
          detail: own ? "an address as it stands" : `${hostname} is ${addresses.slice(0, 4).join(", ")}`,
        };
      },
    },
    {
      name: "address",
      async look() {
        let last: unknown;
        for (const address of addresses.slice(0, 8)) {
          try {
            await probe.reach({ address, port });
            taken = address;
            return { detail: `${address} takes connections on port ${port}` };
          } catch (error) {
            last = error;
          }
        }
        throw addressProblem({ host, port, start }, last);
      },
    },
    ...(secure ? [tlsStation] : []),
  ];
}

function nameProblem(host: string, error: unknown): MusterError {
  const code = systemCode(error);
  if (code === "EAI_AGAIN") {
    return new MusterError("unavailable", `no name server answers, so ${host} has no address here`, {
      hint: "is this machine online? See its network settings",
    });
  }
  return new MusterError("not_found", `${host} has no address`, {
    hint: "check the spelling; where it is below a hub's domain, the DNS records of DOMAIN and *.DOMAIN must lead to the hub",
  });
}

interface Far {
  host: string;
  port: number;
  start: string;
}

function addressProblem({ host, port, start }: Far, error: unknown): MusterError {
  const code = systemCode(error);
  if (code === "ECONNREFUSED") {
    return new MusterError(
      "hub_unreachable",
      `the machine answers, but nothing listens on its port ${port}`,
      {
        hint: start,
      },
    );
  }
  if (code === "ENETUNREACH" || code === "EHOSTUNREACH") {
    return new MusterError("hub_unreachable", `no way leads from this machine to ${host} (${code})`, {
      hint: "is this machine online? Is a VPN or a firewall in the way?",
    });
  }
  return new MusterError("hub_unreachable", `${host} does not answer${code === "" ? "" : ` (${code})`}`, {
    hint: `the machine is off, or a firewall drops what comes for port ${port}`,
  });
}

const NOT_TRUSTED: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function tlsProblem(host: string, error: unknown): MusterError {
  const code = systemCode(error);
  if (code === "CERT_HAS_EXPIRED") {
    return new MusterError("hub_unreachable", `the certificate of ${host} has expired`, {
      hint: "renew it; a hub that was given it by --cert reads the new files by itself",
    });
  }
  if (code === "CERT_NOT_YET_VALID") {
    return new MusterError("hub_unreachable", `the certificate of ${host} is not valid yet`, {
      hint: "is the clock of this machine right?",
    });
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return new MusterError("hub_unreachable", `the certificate that answers there is not for ${host}`, {
      hint: "it must name the hub's domain and *.DOMAIN",
    });
  }
  if (NOT_TRUSTED.has(code)) {
    return new MusterError(
      "hub_unreachable",
      `this machine does not trust who signed the certificate of ${host}`,
      {
        hint: "with an authority of your own, join with: muster init HUB_URL --ca FILE",
      },
    );
  }
  return new MusterError("hub_unreachable", `TLS with ${host} fails${code === "" ? "" : ` (${code})`}`, {
    hint: "what listens there may speak no TLS: compare the URL and the port",
  });
}
