// A stateful fake of the part of Cloudflare's API that named links use: tunnels, tokens, connections and DNS
// records, with its envelope, its refusals and its rate limit, and switches for what goes wrong on the way.
//
// It speaks `fetch`, so that tests need no socket; serve.ts puts it behind an HTTP server.

import { ok, refuse, type Reply } from "./answers.ts";
import { answerDnsCall } from "./dns.ts";
import { FakeState } from "./state.ts";
import { answerTunnelCall } from "./tunnels.ts";

export type Fault =
  /** Carried out, and the connection breaks before the answer. */
  | "lost"
  /** Never arrives. */
  | "dropped"
  /** Carried out after all, and the answer never comes. */
  | "hangs"
  | "server_error"
  | "rate_limited"
  /** A page of a proxy or a captive portal, with status 200. */
  | "html"
  /** The answer is cut in its middle. */
  | "cut"
  /** Says that it did, and did not. */
  | "pretends";

export interface FaultRule {
  fault: Fault;
  /** "METHOD /path" begins or holds this; all calls without it. */
  on?: string;
  /** Calls that match and are left alone first. */
  after?: number;
  /** How many calls; 1 by default. */
  times?: number;
}

export interface FakeOptions {
  accountId?: string;
  zoneId?: string;
  zoneName?: string;
  token?: string;
  /** Milliseconds; for created_at and the rate limit. */
  now?: () => number;
}

export const RATE_LIMIT = { calls: 1_200, windowMs: 5 * 60_000 };
const BASE_PATH = "/client/v4";

export class FakeCloudflare {
  readonly state = new FakeState();
  readonly accountId: string;
  readonly zoneId: string;
  readonly zoneName: string;
  readonly token: string;
  /** "METHOD /path" of every call, faults included; ids as they came. */
  readonly calls: string[] = [];
  /** Each exchange, for those who check its shape. */
  onExchange: ((request: { method: string; path: string; body: unknown }, reply: Reply) => void) | undefined;
  readonly #now: () => number;
  #rules: (Required<Omit<FaultRule, "on">> & Pick<FaultRule, "on">)[] = [];
  #recent: number[] = [];
  #blockedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: FakeOptions = {}) {
    this.accountId = options.accountId ?? "0a11ce00000000000000000000000001";
    this.zoneId = options.zoneId ?? "20ne0000000000000000000000000001";
    this.zoneName = options.zoneName ?? "example.com";
    this.token = options.token ?? "fake-cloudflare-token";
    this.#now = options.now ?? (() => Date.UTC(2026, 10, 20));
  }

  fail(rule: FaultRule): void {
    const { fault, after = 0, times = 1, on } = rule;
    this.#rules.push({ fault, after, times, ...(on === undefined ? {} : { on }) });
  }

  heal(): void {
    this.#rules = [];
    this.#blockedUntilMs = Number.NEGATIVE_INFINITY;
    this.#recent = [];
  }

  readonly fetch = async (url: string, init?: RequestInit): Promise<Response> => {
    const { pathname, searchParams } = new URL(url);
    const method = init?.method ?? "GET";
    const call = `${method} ${pathname.replace(BASE_PATH, "")}`;
    this.calls.push(call);
    const fault = this.#faultFor(call);
    if (fault === "dropped") throw connectionLost();
    if (fault === "rate_limited") return toResponse(this.#block());
    if (fault === "server_error") return toResponse(refuse(500, 1001, "internal error"));
    if (fault === "html") return new Response("<html>Please sign in</html>", { status: 200 });
    if (fault === "pretends") return toResponse(ok({}));
    const body = typeof init?.body === "string" ? init.body : undefined;
    const token = new Headers(init?.headers).get("authorization");
    const reply = this.#answer({ method, pathname, query: searchParams, body, token });
    if (fault === "lost") throw connectionLost();
    if (fault === "hangs") return untilAborted(init?.signal ?? undefined);
    return toResponse(reply, fault === "cut");
  };

  #answer(call: {
    method: string;
    pathname: string;
    query: URLSearchParams;
    body: string | undefined;
    token: string | null;
  }): Reply {
    const { method, pathname, body } = call;
    const parsed = readBody(body);
    const reply = this.#route({ ...call, body: parsed ?? {} }, parsed === undefined);
    this.onExchange?.({ method, path: pathname.replace(BASE_PATH, ""), body: parsed }, reply);
    return reply;
  }

  #route(
    call: {
      method: string;
      pathname: string;
      query: URLSearchParams;
      body: Record<string, unknown>;
      token: string | null;
    },
    malformed: boolean,
  ): Reply {
    if (this.#overLimit()) return this.#block();
    if (call.token !== `Bearer ${this.token}`) return refuse(403, 10000, "Authentication error");
    if (malformed) return refuse(400, 6007, "Malformed JSON in request body");
    const { method, query, body } = call;
    const [scope, scopeId, resource, ...parts] = call.pathname.replace(`${BASE_PATH}/`, "").split("/");
    const shared = {
      state: this.state,
      method,
      parts,
      query,
      body,
      now: new Date(this.#now()).toISOString(),
    };
    if (scope === "accounts" && resource === "cfd_tunnel" && scopeId === this.accountId) {
      return answerTunnelCall({ ...shared, accountId: this.accountId });
    }
    if (scope === "zones" && resource === "dns_records" && scopeId === this.zoneId) {
      return answerDnsCall({ ...shared, zoneName: this.zoneName });
    }
    return refuse(404, 7003, `Could not route to ${call.pathname}`);
  }

  #faultFor(call: string): Fault | undefined {
    for (const rule of this.#rules) {
      if (rule.times <= 0 || (rule.on !== undefined && !call.includes(rule.on))) continue;
      if (rule.after > 0) {
        rule.after -= 1;
        continue;
      }
      rule.times -= 1;
      return rule.fault;
    }
    return undefined;
  }

  #overLimit(): boolean {
    const now = this.#now();
    if (now < this.#blockedUntilMs) return true;
    // A block that is over has cleared the count.
    if (this.#blockedUntilMs > 0 && this.#recent.length > RATE_LIMIT.calls) this.#recent = [];
    this.#recent = this.#recent.filter((at) => at > now - RATE_LIMIT.windowMs);
    this.#recent.push(now);
    return this.#recent.length > RATE_LIMIT.calls;
  }

  #block(): Reply {
    const now = this.#now();
    if (now >= this.#blockedUntilMs) this.#blockedUntilMs = now + RATE_LIMIT.windowMs;
    const seconds = Math.ceil((this.#blockedUntilMs - now) / 1000);
    const reply = refuse(429, 10100, "More than 1200 requests per 300 seconds reached");
    return { ...reply, headers: { "retry-after": String(seconds) } };
  }
}

function readBody(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined || text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    // Checked the line before.
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Answered as the API does.
    return undefined;
  }
}

function toResponse({ status, body, headers }: Reply, cut = false): Response {
  const text = JSON.stringify(body);
  return new Response(cut ? text.slice(0, text.length / 2) : text, {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

function connectionLost(): Error {
  return Object.assign(new Error("The socket connection was closed unexpectedly"), { code: "ECONNRESET" });
}

function untilAborted(signal: AbortSignal | undefined): Promise<Response> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(connectionLost()), { once: true });
  });
}
