// One large body each way over a raw connection, so that the visitor's side costs as little as it can.
import { requestHead, type Target } from "./target.ts";

const CHUNK = new Uint8Array(256 * 1024).fill(0x2e);
const STALLS_AFTER_MS = 60_000;

/** Resolves once all of it has arrived. */
export function download(target: Target, bytes: number): Promise<void> {
  return transfer(target, {
    head: requestHead(target, `GET /bytes/${bytes}`),
    upBytes: 0,
    downBytes: bytes,
  });
}

/** Resolves once the app has answered, which it does when it has all of it. */
export function upload(target: Target, bytes: number): Promise<void> {
  return transfer(target, {
    head: requestHead(target, "POST /up", { "Content-Length": String(bytes) }),
    upBytes: bytes,
    downBytes: "Hello, world!".length,
  });
}

/** One stream for this long: bytes a second from its first byte on. */
export async function stream(target: Target, seconds: number): Promise<number> {
  let bytes = 0;
  let beganMs: number | undefined;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: target.port,
    socket: {
      open: (socket) => void socket.write(new TextEncoder().encode(requestHead(target, "GET /endless"))),
      data(_socket, piece) {
        beganMs ??= performance.now();
        bytes += piece.length;
      },
      error() {},
    },
  });
  await Bun.sleep(seconds * 1000);
  const tookMs = performance.now() - (beganMs ?? Number.NaN);
  socket.terminate();
  return bytes / (tookMs / 1000);
}

interface Transfer {
  head: string;
  upBytes: number;
  downBytes: number;
}

function transfer(target: Target, { head, upBytes, downBytes }: Transfer): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = upBytes;
    let wanted = Number.POSITIVE_INFINITY;
    let got = 0;
    const stalled = setTimeout(() => reject(new Error("the transfer stalled")), STALLS_AFTER_MS);
    const settle = (error?: Error): void => {
      clearTimeout(stalled);
      if (error === undefined) resolve();
      else reject(error);
    };
    const pour = (socket: Bun.Socket): void => {
      while (left > 0) {
        const piece = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
        const taken = Math.max(0, socket.write(piece));
        left -= taken;
        if (taken < piece.length) return;
      }
    };
    const connecting = Bun.connect({
      hostname: "127.0.0.1",
      port: target.port,
      ...(target.tls ? { tls: { rejectUnauthorized: false } } : {}),
      socket: {
        open(socket) {
          socket.write(new TextEncoder().encode(head));
          pour(socket);
        },
        drain: pour,
        data(socket, bytes) {
          if (wanted === Number.POSITIVE_INFINITY) {
            // Every peer here writes its head in one piece.
            if (!bytes.toString("latin1", 0, 12).startsWith("HTTP/1.1 2")) {
              return settle(new Error(`refused: ${bytes.toString("latin1", 0, 200)}`));
            }
            wanted = downBytes + bytes.indexOf("\r\n\r\n") + 4;
          }
          got += bytes.length;
          if (got < wanted) return;
          settle();
          socket.end();
        },
        close: () => settle(new Error("the connection closed early")),
        error: (_socket, error) => settle(error),
      },
    });
    connecting.catch((error: unknown) => settle(error instanceof Error ? error : new Error(String(error))));
  });
}
