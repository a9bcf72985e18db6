// Who may speak to the local API: a program of this user that has read the token file, and no page in any
// browser. A browser adds `Origin` or `Referer`, or comes under a host name that somebody made point here.
import { equalSecretBytes, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";

export interface GuardOptions {
  /** SHA-256: secrets are compared by their digests, in constant time. */
  sha256(bytes: Uint8Array): Uint8Array;
  token: string;
  /** 0 on the unix socket, where any of our names will do. */
  port: number;
  /** The loopback address it listens on. */
  host?: string;
}

export type Guard = (request: Request) => void;

const BEARER = /^Bearer +([A-Za-z0-9_-]{1,200})$/i;

export interface Guards {
  /** Throws `forbidden` for what comes from a browser or under a foreign host. */
  source: Guard;
  /** The token of this home was shown. */
  isOwner(request: Request): boolean;
  /** Throws `unauthorized`. */
  token: Guard;
}

export function makeGuards({ sha256, token, port, host = "127.0.0.1" }: GuardOptions): Guards {
  const names = ["127.0.0.1", "localhost", "[::1]", host];
  const hosts = new Set(port === 0 ? names : names.map((name) => `${name}:${port}`));
  const expected = sha256(utf8(token));
  const isOwner = ({ headers }: Request): boolean => {
    const given = BEARER.exec(headers.get("authorization") ?? "")?.[1];
    return given !== undefined && equalSecretBytes(sha256(utf8(given)), expected);
  };
  return {
    isOwner,
    source({ headers }) {
      if (headers.has("origin") || headers.has("referer")) {
        throw new MusterError("forbidden", "this API is not for pages in a browser");
      }
      if (!hosts.has((headers.get("host") ?? "").toLowerCase())) {
        throw new MusterError("forbidden", "this API answers under its own address alone");
      }
    },
    token(request) {
      if (isOwner(request)) return;
      throw new MusterError("unauthorized", "the token of this agent is missing or wrong", {
        hint: "it is in the file `token` of this home",
      });
    },
  };
}
