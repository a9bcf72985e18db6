// The real nginx, the proxy most likely to stand before us. Skipped, visibly, where it is not installed.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";

import { NEXT, PIECES, seenByUs, SHAPES, startServer, talk } from "./differential.fixture.ts";
import type { OtherServer } from "./differential.fixture.ts";

const nginx = Bun.which("nginx", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

// Each answer names the request it belongs to. Bodies are read and thrown away, so their framing counts.
const configuration = (folder: string, socketPath: string) => `
daemon off; master_process off; worker_processes 1;
pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  large_client_header_buffers 4 64k;
  server {
    listen unix:${socketPath};
    add_header Seen "$request_method $request_uri $http_host";
    location / { return 200 ""; }
  }
}
`;

describe.skipIf(nginx === null)("beside nginx", () => {
  const folder = mkdtempSync(join(tmpdir(), "http1-nginx-"));
  const socketPath = join(folder, "socket");
  let server: OtherServer;

  beforeAll(async () => {
    const file = join(folder, "nginx.conf");
    writeFileSync(file, configuration(folder, socketPath));
    server = await startServer([nginx ?? "nginx", "-c", file, "-e", join(folder, "error.log")], socketPath);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  async function seenByNginx(bytes: Uint8Array): Promise<string[]> {
    const received = await talk(socketPath, bytes);
    return [...received.matchAll(/\r\nSeen: ([^\r]+)\r\n/g)].map((match) => match[1] ?? "");
  }

  function ours(bytes: Uint8Array): string[] {
    return seenByUs(bytes).map(({ method, target, fields }) => {
      const host = fields[fields.findIndex((name) => name.toLowerCase() === "host") + 1] ?? "";
      return `${method} ${target} ${host}`;
    });
  }

  test.each(Object.entries(SHAPES))("%s means the same or is refused", async (_, shape) => {
    const bytes = Buffer.from(shape + NEXT, "latin1");
    const expected = ours(bytes);
    expect((await seenByNginx(bytes)).slice(0, expected.length)).toEqual(expected);
  });

  test("whatever we accept, nginx accepts as the same", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }), async (pieces) => {
        const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${pieces.join("")}${NEXT}`);
        const expected = ours(bytes);
        expect((await seenByNginx(bytes)).slice(0, expected.length)).toEqual(expected);
      }),
      { seed: 20_260_609, numRuns: 400 },
    );
  });
});
