// A real app behind a share, run by node: it tells what reached it, and answers in every way that HTTP/1.1
// knows. Its first line of output is its port.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const seen = new Map();
let events;
const held = [];

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://app");
  seen.set(pathname, (seen.get(pathname) ?? 0) + 1);
  const answer = answers[pathname] ?? answers["/echo"];
  answer(request, response, searchParams);
});

const answers = {
  async "/echo"(request, response) {
    const body = [];
    for await (const piece of request) body.push(piece);
    const { method, url, httpVersion, rawHeaders, rawTrailers } = request;
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        method,
        url,
        httpVersion,
        rawHeaders,
        rawTrailers,
        body: Buffer.concat(body).toString("latin1"),
      }),
    );
  },
  "/seen"(_, response, query) {
    response.end(String(seen.get(query.get("path")) ?? 0));
  },
  "/trailers"(_, response) {
    response.writeHead(200, { trailer: "X-Sum, X-Lines" });
    response.write("one\n");
    response.write("two\n");
    response.addTrailers({ "X-Sum": "8", "X-Lines": "2" });
    response.end();
  },
  "/early"(_, response) {
    response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" }, () => response.end("late"));
  },
  "/events"(_, response) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.write("data: 0\n\n");
    events = { response, number: 0 };
  },
  "/events/next"(_, response) {
    events.number += 1;
    events.response.write(`data: ${events.number}\n\n`);
    response.end();
  },
  "/events/end"(_, response) {
    events.response.end();
    response.end();
  },
  "/part"(request, response) {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (range === null) {
      response.setHeader("content-length", 10);
      return void response.end("0123456789");
    }
    const body = "0123456789".slice(Number(range[1]), Number(range[2]) + 1);
    response.writeHead(206, {
      "content-range": `bytes ${range[1]}-${range[2]}/10`,
      "content-length": body.length,
    });
    response.end(body);
  },
  async "/upload"(request, response) {
    const hash = createHash("sha256");
    let length = 0;
    for await (const piece of request) {
      length += piece.length;
      hash.update(piece);
    }
    response.end(JSON.stringify({ length, sha256: hash.digest("hex") }));
  },
  "/download"(_, response, query) {
    let left = Number(query.get("bytes"));
    if (!query.has("chunked")) response.setHeader("content-length", left);
    const piece = Buffer.alloc(256 * 1024, "muster ");
    const more = () => {
      while (left > 0) {
        const next = piece.subarray(0, Math.min(left, piece.length));
        left -= next.length;
        if (!response.write(next)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  },
  "/hang"() {},
  // Answered only from the second request on.
  "/lost-once"(_, response) {
    if (seen.get("/lost-once") > 1) response.end("the second time");
  },
  "/slowly"(_, response) {
    held.push(response);
  },
  "/release"(_, response) {
    for (const waiting of held.splice(0)) waiting.end("released");
    response.end();
  },
  "/broken"(_, response) {
    response.writeHead(200, { "content-length": 1000 });
    response.write("only this", () => response.socket.destroy());
  },
  "/refuses-body"(_, response) {
    response.writeHead(413, { connection: "close" });
    response.end("too much");
  },
  "/crash"() {
    process.exit(3);
  },
  "/forever"(_, response) {
    response.writeHead(200, { "content-length": 1_000_000 });
    response.write("the first part");
  },
  "/cookies"(_, response) {
    response.setHeader("set-cookie", ["a=1; Domain=.localhost; Path=/", "b=2; HttpOnly"]);
    response.end("cookies");
  },
};

server.on("upgrade", (request, socket, head) => {
  socket.on("error", () => {});
  if (request.headers.upgrade === "websocket") webSocket(request, socket);
  else
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
  if (request.headers.upgrade === "websocket") return;
  if (head.length > 0) socket.write(head);
  socket.pipe(socket);
});

function webSocket(request, socket) {
  const key = request.headers["sec-websocket-key"];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(/, */).filter(Boolean);
  const chosen = protocols.at(-1);
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n${chosen === undefined ? "" : `Sec-WebSocket-Protocol: ${chosen}\r\n`}\r\n`,
  );
  socket.write(frame(1, Buffer.from(JSON.stringify({ url: request.url, protocols }))));
  let bytes = Buffer.alloc(0);
  socket.on("data", (piece) => {
    bytes = Buffer.concat([bytes, piece]);
    for (let read = readFrame(bytes); read !== undefined; read = readFrame(bytes)) {
      bytes = bytes.subarray(read.size);
      socket.write(frame(read.opcode, read.payload));
      if (read.opcode === 8) socket.end();
    }
  });
}

/** A client's frame, which is masked (RFC 6455, 5.2). */
function readFrame(bytes) {
  if (bytes.length < 2) return undefined;
  let length = bytes[1] & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (bytes.length < at + 4 + length) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length)).map(
    (byte, index) => byte ^ mask[index % 4],
  );
  return { opcode: bytes[0] & 0x0f, payload, size: at + 4 + length };
}

function frame(opcode, payload) {
  const size =
    payload.length < 126
      ? Buffer.from([payload.length])
      : payload.length < 65_536
        ? Buffer.from([126, payload.length >> 8, payload.length & 0xff])
        : (() => {
            const long = Buffer.alloc(9, 127);
            long.writeBigUInt64BE(BigInt(payload.length), 1);
            return long;
          })();
  return Buffer.concat([Buffer.from([0x80 | opcode]), size, payload]);
}

// A visitor that leaves in the middle of a body is no reason to end.
process.on("unhandledRejection", () => {});
server.requestTimeout = 0;
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env.APP_PORT ?? 0), "127.0.0.1", () => console.log(server.address().port));
