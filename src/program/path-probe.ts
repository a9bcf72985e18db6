// The hops of a request one by one, as this machine takes them: resolver, connection, TLS, HTTP.
import { proxyFor } from "../agent/link/proxy.ts";
import type { PathProbe } from "../cli/why/path-probe.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { httpFetch } from "../world/http-fetch.ts";
import { realNetwork } from "../world/network.ts";
import { realRandom } from "../world/random.ts";
import { resolveHost } from "../world/resolve-host.ts";
import type { Environment } from "./parts.ts";
import { wayTo } from "./way-to.ts";

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_TIMEOUT_MS = 10_000;
const BODY_MAX_BYTES = 16 * 1024;
const NOTHING = { data() {}, drain() {}, end() {}, close() {} };

export function openPathProbe(environment: Environment): PathProbe {
  return {
    proxyOf: (url) => proxyFor(url, environment)?.host,
    resolve: resolveHost,
    nonce: () => toBase64Url(realRandom.bytes(32)),
    async reach({ address, port, tls }) {
      const socket = await realNetwork.connect({
        address: { host: address, port },
        ...(tls === undefined ? {} : { tls }),
        timeoutMs: CONNECT_TIMEOUT_MS,
        connected: () => NOTHING,
      });
      socket.close();
    },
    async ask(url, { ca, headers, stop }) {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
      const response = await httpFetch(url, { signal, headers }, wayTo(url, { ca, environment }));
      const server = response.headers.get("server");
      return { status: response.status, server, body: await beginning(response) };
    },
  };
}

/** What a page says first is enough, and it may have no end. */
async function beginning(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length >= BODY_MAX_BYTES) break;
  }
  return text.slice(0, BODY_MAX_BYTES);
}
