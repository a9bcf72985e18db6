// One HTTP request. The machine's own addresses are reached directly: Bun's fetch sends even 127.0.0.1 to
// HTTP_PROXY, where the local API is not.
import { request } from "node:http";
import { Readable } from "node:stream";

export function directFetch(url: string, init: RequestInit = {}): Promise<Response> {
  const target = new URL(url);
  const local = target.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(target.hostname);
  return local ? localFetch(target, init) : fetch(url, { ...init, redirect: "manual" });
}

function localFetch(target: URL, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      target,
      {
        method: init.method ?? "GET",
        headers: Object.fromEntries(new Headers(init.headers)),
        agent: false,
        ...(init.signal == null ? {} : { signal: init.signal }),
      },
      (incoming) => {
        const status = incoming.statusCode ?? 500;
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
    outgoing.end(typeof init.body === "string" ? init.body : undefined);
  });
}
