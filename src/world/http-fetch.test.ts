import { expect, test } from "bun:test";
import { httpFetch } from "./http-fetch.ts";

test("a name below localhost is this machine, and the server sees the name", async () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => new Response(request.headers.get("host")),
  });
  const response = await httpFetch(`http://anything.localhost:${server.port}/`);
  expect(await response.text()).toBe(`anything.localhost:${server.port}`);
  await server.stop(true);
});
