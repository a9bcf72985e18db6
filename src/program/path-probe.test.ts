import { expect, test } from "bun:test";
import { openPathProbe } from "./path-probe.ts";

test("a redirect is told and not followed, and of an answer without end the beginning is enough", async () => {
  const asked: string[] = [];
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url }) {
      const { pathname } = new URL(url);
      asked.push(pathname);
      if (pathname === "/") return Response.redirect("/elsewhere");
      return new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(4096).fill(97)) }),
      );
    },
  });
  const probe = openPathProbe({});
  const options = { ca: undefined, headers: {}, stop: new AbortController().signal };
  expect(await probe.ask(server.url.href, options)).toMatchObject({ status: 302 });
  expect(asked).toEqual(["/"]);
  const { body } = await probe.ask(`${server.url.href}endless`, options);
  expect(body.length).toBe(16 * 1024);
});
