// A network in which every hop works, but for those that a test breaks.

import type { Answered, PathProbe } from "../why/path-probe.ts";

export interface FakePaths {
  /** Names that have no address. */
  unknown: Set<string>;
  /** Addresses of names that have another than all the rest. */
  addresses: Map<string, string>;
  /** `host:port` to the system's code. */
  unreachable: Map<string, string>;
  /** Host to the code of TLS. */
  untrusted: Map<string, string>;
  /** URL, or the beginning of one, to its answer; a string is the code of an error. */
  answers: Map<string, Answered | string>;
  proxy: string | undefined;
  /** What was connected to, `host:port`, and what was asked. */
  reached: string[];
  asked: string[];
}

export const NONCE = "n".repeat(43);

export function fakePaths(): FakePaths {
  return {
    unknown: new Set(),
    addresses: new Map(),
    unreachable: new Map(),
    untrusted: new Map(),
    answers: new Map(),
    proxy: undefined,
    reached: [],
    asked: [],
  };
}

export function fakeProbe(paths: FakePaths): PathProbe {
  return {
    proxyOf: () => paths.proxy,
    resolve: async (host) => {
      if (paths.unknown.has(host)) throw coded("ENOTFOUND");
      return [paths.addresses.get(host) ?? "192.0.2.7"];
    },
    nonce: () => NONCE,
    async reach({ address, port, tls }) {
      paths.reached.push(`${address}:${port}`);
      const code =
        tls === undefined ? paths.unreachable.get(`${address}:${port}`) : paths.untrusted.get(tls.serverName);
      if (code !== undefined) throw coded(code);
    },
    async ask(url) {
      paths.asked.push(url);
      const beginnings = [...paths.answers.keys()].filter((start) => url.startsWith(start));
      const longest = beginnings.toSorted((one, other) => other.length - one.length)[0] ?? "";
      const answer = paths.answers.get(longest) ?? "ECONNRESET";
      if (typeof answer === "string") throw coded(answer);
      return answer;
    },
  };
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}
