// The fake as an HTTP server, for programs that run on their own: `bun test/fakes/cloudflare/serve.ts [PORT]`.
// `POST /fake/fail` takes a fault rule, `POST /fake/heal` ends them all, `GET /fake/state` shows what is there.

import { FakeCloudflare, type FakeOptions, type FaultRule } from "./cloudflare.ts";

export interface ServedFake extends Disposable {
  fake: FakeCloudflare;
  /** What a client takes for https://api.cloudflare.com/client/v4. */
  baseUrl: string;
}

export function serveFakeCloudflare(options: FakeOptions & { port?: number } = {}): ServedFake {
  const fake = new FakeCloudflare(options);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    async fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/fake/")) return control(fake, pathname, request);
      const text = await request.text();
      try {
        return await fake.fetch(request.url, {
          method: request.method,
          headers: request.headers,
          signal: request.signal,
          ...(text === "" ? {} : { body: text }),
        });
      } catch {
        // A fault that breaks the connection: end it without an answer.
        server.timeout(request, 1);
        return new Promise<Response>(() => {});
      }
    },
  });
  return {
    fake,
    baseUrl: `http://127.0.0.1:${server.port}/client/v4`,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

async function control(fake: FakeCloudflare, pathname: string, request: Request): Promise<Response> {
  // Only tests speak to these.
  if (pathname === "/fake/fail") fake.fail((await request.json()) as FaultRule);
  else if (pathname === "/fake/heal") fake.heal();
  return Response.json({
    tunnels: fake.state.standing(),
    records: [...fake.state.records.values()],
    calls: fake.calls,
  });
}

if (import.meta.main) {
  const served = serveFakeCloudflare({ port: Number(Bun.argv[2] ?? 0), now: () => Date.now() });
  console.log(
    JSON.stringify({
      base_url: served.baseUrl,
      token: served.fake.token,
      account: served.fake.accountId,
      zone: served.fake.zoneId,
    }),
  );
}
