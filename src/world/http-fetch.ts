// One HTTP request to elsewhere. Where no proxy was chosen it is node's client: it knows none of the environment, and
// what it says of a failure, which people read, names the address. stream-fetch.ts is the cheaper one.
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import type { FetchOptions } from "./world.ts";

/** Redirects are not followed. The body of a request is text or nothing. */
export function httpFetch(
  url: string,
  init: RequestInit = {},
  { ca, proxy }: FetchOptions = {},
): Promise<Response> {
  if (proxy === undefined) return directFetch(new URL(url), init, ca);
  const tls = ca === undefined ? {} : { tls: { ca } };
  const options: BunFetchRequestInit = { ...init, redirect: "manual", proxy, ...tls };
  return fetch(url, options);
}

function directFetch(target: URL, init: RequestInit, ca: string | undefined): Promise<Response> {
  const request = target.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      target,
      {
        method: init.method ?? "GET",
        headers: { ...Object.fromEntries(new Headers(init.headers)), host: target.host },
        agent: false,
        ...thisMachine(target),
        ...(ca === undefined ? {} : { ca }),
        ...(init.signal == null ? {} : { signal: init.signal }),
      },
      (incoming) => {
        const status = incoming.statusCode ?? 0;
        // Others have no `Response`, and a throw in here would be nobody's.
        if (status < 200 || status > 599) {
          incoming.destroy();
          return reject(new Error(`the server answered with the status ${status}, which is none`));
        }
        const headers = new Headers();
        for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
        const empty = status === 204 || status === 304;
        // Node's and the web's stream types differ in name only.
        const body = empty
          ? null
          : (Readable.toWeb(incoming) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>);
        resolve(new Response(body, { status, headers }));
      },
    );
    outgoing.on("error", reject);
    outgoing.on("upgrade", (_, socket) => {
      socket.destroy();
      reject(new Error("the server changed to another protocol, which nobody asked for"));
    });
    outgoing.end(typeof init.body === "string" ? init.body : undefined);
  });
}

/** All below localhost is this machine (RFC 6761); not every resolver knows. */
function thisMachine({ hostname }: URL): { hostname?: string; servername?: string } {
  return hostname.endsWith(".localhost") ? { hostname: "127.0.0.1", servername: hostname } : {};
}
