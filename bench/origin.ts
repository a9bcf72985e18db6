// The app behind every tunnel, as cheap as can be: `bun bench/origin.ts PORT`.
//
//   GET /             13 bytes, kept alive
//   GET /bytes/N      N bytes
//   GET /endless      bytes until the visitor leaves
//   POST /up          takes the body, answers 13 bytes
//   GET /echo         WebSocket, returns each message
import { createHash } from "node:crypto";

const HELLO = bytes("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!");
const CHUNK = new Uint8Array(256 * 1024).fill(0x2e);
/** RFC 6455, 1.3. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

interface Visitor {
  head: Buffer;
  /** Of a request body that is still to come. */
  bodyLeft: number;
  /** Of a response body that is still to go. */
  sendLeft: number;
  echoes: boolean;
}

Bun.listen<Visitor>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    open(socket) {
      socket.setNoDelay(true);
      socket.data = { head: Buffer.alloc(0), bodyLeft: 0, sendLeft: 0, echoes: false };
    },
    data(socket, chunk) {
      const visitor = socket.data;
      if (visitor.echoes) return echo(socket, chunk);
      let rest: Buffer = visitor.head.length === 0 ? chunk : Buffer.concat([visitor.head, chunk]);
      while (rest.length > 0) {
        if (visitor.bodyLeft > 0) {
          const taken = Math.min(visitor.bodyLeft, rest.length);
          visitor.bodyLeft -= taken;
          rest = rest.subarray(taken);
          if (visitor.bodyLeft === 0) socket.write(HELLO);
          continue;
        }
        const end = rest.indexOf("\r\n\r\n");
        if (end < 0) break;
        answer(socket, rest.toString("latin1", 0, end));
        rest = rest.subarray(end + 4);
      }
      visitor.head = Buffer.from(rest);
    },
    drain: pour,
  },
});
console.log("{}");

function answer(socket: Bun.Socket<Visitor>, head: string): void {
  const path = head.split(" ", 2)[1] ?? "/";
  if (path === "/") {
    socket.write(HELLO);
  } else if (path.startsWith("/bytes/")) {
    const length = Number(path.slice("/bytes/".length));
    socket.write(bytes(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`));
    socket.data.sendLeft = length;
    pour(socket);
  } else if (path === "/endless") {
    socket.write(bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"));
    socket.data.sendLeft = 1e12;
    pour(socket);
  } else if (path === "/up") {
    socket.data.bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  } else {
    const key = /\r\nsec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? "";
    const accept = createHash("sha1")
      .update(key + ACCEPT_SUFFIX)
      .digest("base64");
    socket.write(
      bytes(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      ),
    );
    socket.data.echoes = true;
  }
}

function pour(socket: Bun.Socket<Visitor>): void {
  const visitor = socket.data;
  while (visitor.sendLeft > 0) {
    const piece = visitor.sendLeft < CHUNK.length ? CHUNK.subarray(0, visitor.sendLeft) : CHUNK;
    const taken = Math.max(0, socket.write(piece));
    visitor.sendLeft -= taken;
    if (taken < piece.length) return;
  }
}

/** Small masked frames that arrive whole, one or more at a time; that is all the bench sends. */
function echo(socket: Bun.Socket<Visitor>, chunk: Uint8Array): void {
  const replies: Uint8Array[] = [];
  for (let at = 0; at + 6 <= chunk.length;) {
    const length = (chunk[at + 1] ?? 0) & 0x7f;
    const opcode = (chunk[at] ?? 0) & 0x0f;
    if (opcode === 8) return void socket.end();
    const reply = new Uint8Array(2 + length);
    reply[0] = chunk[at] ?? 0;
    reply[1] = length;
    for (let index = 0; index < length; index += 1) {
      reply[2 + index] = (chunk[at + 6 + index] ?? 0) ^ (chunk[at + 2 + (index & 3)] ?? 0);
    }
    replies.push(reply);
    at += 6 + length;
  }
  socket.write(Buffer.concat(replies));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
