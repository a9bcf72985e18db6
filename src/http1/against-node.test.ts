// The real Node, whose parser is the one most apps behind us use. Skipped, visibly, where it is not installed.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";

import { NEXT, PIECES, seenByUs, SHAPES, startServer, talk } from "./differential.fixture.ts";
import type { OtherServer, Seen } from "./differential.fixture.ts";

const node = Bun.which("node");

// Writes one line for each connection once it is closed: all whole requests it carried. Not in the responses,
// because node drops those when a later request is malformed.
const PROGRAM = `
const server = require("node:http").createServer((request, response) => {
  let body = "";
  request.setEncoding("latin1");
  request.on("data", (text) => (body += text));
  request.on("end", () => {
    const { method, url: target, rawHeaders: fields } = request;
    request.socket.seen.push({ method, target, fields, body });
    response.end();
  });
});
server.on("connection", (socket) => {
  socket.seen = [];
  let ready = false;
  socket.once("data", () => (ready = true));
  socket.on("close", () => ready && console.log(JSON.stringify(socket.seen)));
});
server.httpAllowHalfOpen = true;
server.listen(process.argv[2]);
`;

describe.skipIf(node === null)("beside node:http", () => {
  const folder = mkdtempSync(join(tmpdir(), "http1-node-"));
  const socketPath = join(folder, "socket");
  let server: OtherServer;

  beforeAll(async () => {
    const program = join(folder, "server.cjs");
    writeFileSync(program, PROGRAM);
    server = await startServer([node ?? "node", program, socketPath], socketPath);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  async function seenByNode(bytes: Uint8Array): Promise<Seen[]> {
    await talk(socketPath, bytes);
    return JSON.parse(await server.nextLine()) as Seen[];
  }

  test.each(Object.entries(SHAPES))("%s means the same or is refused", async (_, shape) => {
    const bytes = Buffer.from(shape + NEXT, "latin1");
    // Node reads nothing after an Upgrade that nobody listens for; what we pass on has no such field.
    const ours = seenByUs(bytes).slice(0, shape.includes("Upgrade: h2c") ? 1 : undefined);
    expect((await seenByNode(bytes)).slice(0, ours.length)).toEqual(ours);
  });

  test("whatever we accept, node accepts as the same", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }), async (pieces) => {
        const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${pieces.join("")}${NEXT}`);
        const ours = seenByUs(bytes);
        expect((await seenByNode(bytes)).slice(0, ours.length)).toEqual(ours);
      }),
      { seed: 20_260_608, numRuns: 400 },
    );
  });
});
