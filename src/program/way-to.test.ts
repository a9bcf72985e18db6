import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { MANIFEST_NAME } from "../protocol/release.ts";
import { Authority, hasOpenssl } from "../world/certificates.fixture.ts";
import { httpFetch } from "../world/http-fetch.ts";
import { fetchManifest } from "./upgrade/fetch-release.ts";
import { wayTo } from "./way-to.ts";

const made = hasOpenssl ? new Authority() : undefined;
afterAll(() => made?.[Symbol.dispose]());

test("a proxy is taken for what is elsewhere, and an authority where one is given", () => {
  const environment = { https_proxy: "http://proxy.example:3128", no_proxy: "near.example" };
  expect(wayTo("https://hub.example", { ca: "PEM", environment })).toEqual({
    ca: "PEM",
    proxy: "http://proxy.example:3128",
  });
  expect(wayTo("https://near.example", { ca: undefined, environment })).toEqual({});
});

test.skipIf(made === undefined)(
  "an upgrade asks a hub behind one's own authority, and no impostor",
  async () => {
    const authority = made ?? new Authority();
    const { cert, key } = authority.issue("hub", ["127.0.0.1"]);
    const tls = { cert: readFileSync(cert), key: readFileSync(key) };
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls,
      fetch: ({ url }) => new Response(url.endsWith(MANIFEST_NAME) ? "manifest" : "signature"),
    });
    const asked = (ca: string | undefined) => {
      const hubUrl = `https://127.0.0.1:${server.port}`;
      const way = wayTo(hubUrl, { ca, environment: {} });
      const { signal } = new AbortController();
      return fetchManifest({ fetch: (url, init) => httpFetch(url, init, way), hubUrl, stop: signal });
    };
    expect(new TextDecoder().decode((await asked(readFileSync(authority.ca, "utf8"))).bytes)).toBe(
      "manifest",
    );
    expect(await asked(undefined).catch((error: unknown) => error)).toMatchObject({
      code: "hub_unreachable",
    });
  },
);
