// The proxy on the way to a hub: chosen from `HTTPS_PROXY` and `NO_PROXY`, asked by CONNECT. What is said
// inside its tunnel is TLS with the hub itself. Its credentials are never in a log or an error.
import { parseResponseHead } from "../../http1/response-head.ts";
import { Secret } from "../../identity/secret.ts";
import { utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { isLoopbackAddress } from "../../protocol/actors.ts";
import type { Tunnel } from "../../world/world.ts";

export interface Proxy {
  host: string;
  port: number;
  /** "user:password". */
  credentials: Secret<string> | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const ASKED_FOR = { method: "CONNECT", version: "1.1", upgrade: undefined } as const;
const PORT_DEFAULT = 80;
const STATUS_AUTHENTICATION = 407;

/**
 * The proxy for a hub's URL; undefined to go directly. Only https goes through one, and this machine's own
 * names never do. Throws `invalid` for a proxy that can't be used.
 */
export function proxyFor(url: string, environment: Environment): Proxy | undefined {
  const target = new URL(url);
  // As everywhere, the lower-case name wins.
  const text = environment["https_proxy"] ?? environment["HTTPS_PROXY"] ?? "";
  if (text === "" || target.protocol !== "https:") return undefined;
  const host = withoutBrackets(target.hostname);
  if (host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host)) return undefined;
  const exceptions = environment["no_proxy"] ?? environment["NO_PROXY"] ?? "";
  if (isException(exceptions, host, target.port === "" ? "443" : target.port)) return undefined;
  return readProxy(text);
}

/** As programs take it that speak to proxies themselves. */
export function proxyUrl({ host, port, credentials }: Proxy): Secret<string> {
  const [user = "", ...password] = (credentials?.reveal() ?? "").split(":");
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const who =
    credentials === undefined ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password.join(":"))}@`;
  return new Secret(`http://${who}${place}`);
}

/** Asks the proxy for a way to host and port. */
export function connectTunnel(proxy: Proxy, target: { host: string; port: number }): Tunnel {
  const authority = `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
  const { credentials } = proxy;
  const proof =
    credentials === undefined ? "" : `Proxy-Authorization: Basic ${base64(credentials.reveal())}\r\n`;
  return {
    request: utf8(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${proof}\r\n`),
    read: (answer) => readAnswer(proxy, answer),
  };
}

function readAnswer(proxy: Proxy, answer: Uint8Array): number {
  const head = parseResponseHead(answer, ASKED_FOR);
  if (head.kind === "more") return 0;
  const name = `the proxy at ${proxy.host}:${proxy.port}`;
  if (head.kind === "refused") throw new MusterError("hub_unreachable", `${name} does not speak HTTP`);
  // Whatever a 2xx says of a body, the tunnel begins behind its head (RFC 9110, 9.3.6).
  if (head.status >= 200 && head.status < 300) return head.headBytes;
  if (head.interim) return skipInterim(proxy, answer, head.headBytes);
  const hint =
    head.status === STATUS_AUTHENTICATION
      ? "it wants a user and password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
      : "ask who runs it, or name the hub in NO_PROXY to go directly";
  throw new MusterError("hub_unreachable", `${name} opens no way to the hub (status ${head.status})`, {
    hint,
  });
}

function skipInterim(proxy: Proxy, answer: Uint8Array, headBytes: number): number {
  const rest = readAnswer(proxy, answer.subarray(headBytes));
  return rest === 0 ? 0 : headBytes + rest;
}

/** Entries are host names (they cover what is below them), with or without a port, or `*` for all. */
function isException(list: string, host: string, port: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === "*") return true;
      const [, name = "", onPort] =
        /^\[?(.*?)\]?(?::(\d+))?$/.exec(isBareV6(entry) ? `[${entry}]` : entry) ?? [];
      if (onPort !== undefined && onPort !== port) return false;
      const wanted = name.replace(/^\*?\./, "");
      return wanted !== "" && (host === wanted || host.endsWith(`.${wanted}`));
    });
}

function isBareV6(entry: string): boolean {
  return !entry.startsWith("[") && entry.split(":").length > 2;
}

function readProxy(text: string): Proxy {
  const full = text.includes("://") ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || url.hostname === "" || url.protocol !== "http:") {
    // Not quoted: it may hold a password.
    throw new MusterError("invalid", "HTTPS_PROXY names no proxy that can be used", {
      hint: "an http address, as in http://proxy.example:3128",
    });
  }
  const { username, password } = url;
  const credentials =
    username === "" && password === "" ? undefined : `${decoded(username)}:${decoded(password)}`;
  return {
    host: withoutBrackets(url.hostname),
    port: url.port === "" ? PORT_DEFAULT : Number(url.port),
    credentials: credentials === undefined ? undefined : new Secret(credentials),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a bare % that a person typed
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...utf8(text)));
}

function withoutBrackets(host: string): string {
  return host.toLowerCase().replace(/^\[|\]$/g, "");
}
