// For tests: what other servers make of bytes, beside what we make of them. The claim that both comparisons
// hold: every request we accept is the same request to the other server, in the same place of the
// connection. Where that fails, one of the two can be smuggled past the other.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";

import { NOBODY } from "./exchange.ts";
import { ServerConnection } from "./server-connection.ts";
import { TestStream, TestTicker } from "./stream.fixture.ts";

export interface Seen {
  method: string;
  target: string;
  /** Names and values in their order, as sent. */
  fields: string[];
  /** Without its chunk framing, as latin1. */
  body: string;
}

/** The whole requests in `bytes`, as our connection reads them. */
export function seenByUs(bytes: Uint8Array): Seen[] {
  const seen: Seen[] = [];
  const stream = new TestStream();
  const connection = new ServerConnection({
    stream,
    ticker: new TestTicker(),
    handler: (request, exchange) => {
      let raw = "";
      const whole = () => {
        const fields = request.fields.flatMap(({ name, value }) => [name, value]);
        const body = request.framing.kind === "chunked" ? withoutChunks(raw) : raw;
        seen.push({ method: request.method, target: request.target, fields, body });
        exchange.respond({ status: 204 });
      };
      if (request.framing.kind === "none") whole();
      return {
        ...NOBODY,
        body: (part) => (raw += Buffer.from(part).toString("latin1")),
        bodyEnd: whole,
      };
    },
  });
  connection.data(bytes);
  connection.end();
  return seen;
}

function withoutChunks(raw: string): string {
  let body = "";
  for (let at = 0; ;) {
    const lineEnd = raw.indexOf("\r\n", at);
    const size = Number.parseInt(raw.slice(at, lineEnd), 16);
    if (size === 0) return body;
    body += raw.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 4 + size;
  }
}

/** Sends the bytes, ends, and returns all that came back as text. */
export async function talk(socketPath: string, bytes: Uint8Array): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => (received += text));
  // A server that closes on us while we send is an answer, too.
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  socket.on("close", () => resolve(received));
  socket.end(bytes);
  return promise;
}

export interface OtherServer extends AsyncDisposable {
  /** The next line the server writes to its standard output. */
  nextLine(): Promise<string>;
}

/** Starts a server that listens on a unix socket; resolves once it can be reached. */
export async function startServer(command: string[], socketPath: string): Promise<OtherServer> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exited = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const deadline = Date.now() + 5_000;
  while (!(await reachable(socketPath))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${program} does not listen`);
  }
  return {
    async nextLine() {
      const { value } = await lines.next();
      return typeof value === "string" ? value : "";
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function reachable(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  if (existsSync(socketPath)) {
    const socket = connect(socketPath, () => resolve(true));
    socket.on("error", () => resolve(false));
    void promise.then(() => socket.destroy());
  } else {
    setTimeout(() => resolve(false), 10);
  }
  return promise;
}

/** Shapes of attacks and of normal traffic. Each is followed by a request of its own in the comparisons. */
export const SHAPES: Readonly<Record<string, string>> = {
  "a plain GET": "GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n",
  "a HEAD": "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a body with a length": "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "a body in chunks":
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
  "chunks with trailers":
    "POST /p HTTP/1.1\r\nHost: a\r\nTrailer: T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: x\r\n\r\n",
  "chunks with an extension":
    'POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;n=v;q="w"\r\nhi\r\n0\r\n\r\n',
  "a DELETE with a body": "DELETE /d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
  "a GET with a body": "GET /g HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
  "three pipelined": "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3),
  "HTTP/1.0 kept alive": "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
  "an empty line between requests": "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
  "blanks around a value": "GET / HTTP/1.1\r\nHost: a\r\nX:\t b \t\r\nY:\r\n\r\n",

  "CL.TE": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "TE.CL":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
  "TE.TE":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
  "TE with a vertical tab": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
  "TE before a colon's blank": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
  "TE in a folded line": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
  "TE in capitals": "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
  "TE gzip, chunked": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "TE chunked, identity":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
  "TE with HTTP/1.0":
    "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "TE smuggled by a bare LF":
    "POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "TE smuggled by a bare CR":
    "POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "two equal CLs": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
  "two CLs": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\nhi",
  "a list of CLs": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nhi",
  "a signed CL": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nhi",
  "a CL with leading zeros": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 002\r\n\r\nhi",
  "a CL that overflows": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551618\r\n\r\nhi",
  "a CL with an underscore": "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 2\r\n\r\n",
  "a chunk size that overflows":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nhi\r\n0\r\n\r\n",
  "a chunk size in 0x":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n",
  "a chunk size and a blank":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n",
  "a chunk size and a bare LF":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n",
  "a chunk extension and a bare LF":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x\nhi\r\n0\r\n\r\n",
  "chunk data too long":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhiho\r\n0\r\n\r\n",
  "a last chunk and a bare LF": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
  "a trailer that is a request":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET /x HTTP/1.1\r\n\r\n",
  "bare LFs only": "GET / HTTP/1.1\nHost: a\n\n",
  "no Host": "GET / HTTP/1.1\r\n\r\n",
  "two Hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "absolute form": "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "asterisk form": "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
  CONNECT: "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
  "h2c asked for":
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
  "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "HTTP/0.9": "GET /\r\n",
  "a NUL in a value": "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
  "a folded value": "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
  "a body that is not all there": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhello",
};

/** Comes after each shape: whoever mistakes the shape's framing sees this elsewhere or not at all. */
export const NEXT = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** Pieces whose random sequences are often nearly requests. */
export const PIECES: readonly string[] = [
  "GET /f HTTP/1.1\r\nHost: a\r\n",
  "POST /f HTTP/1.1\r\nHost: a\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: keep-alive\r\n",
  "X: y\r\n",
  "X : y\r\n",
  " y\r\n",
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  "abc",
  "3\r\nabc\r\n",
  "3;e=f\r\nabc\r\n",
  "0\r\n\r\n",
  "0\r\nT: r\r\n\r\n",
  "0",
  "\t",
];
