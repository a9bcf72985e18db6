// WebSocket echo: each connection sends its next message when the last one came back.
import { quantile } from "../measure.ts";
import { requestHead, type Target } from "./target.ts";

export interface EchoResult {
  messages: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const PAYLOAD_BYTES = 64;
const FRAME_BYTES = 2 + PAYLOAD_BYTES;
const OPENS_WITHIN_MS = 10_000;

interface Echoing {
  open: boolean;
  gotBytes: number;
  sentAtMs: number;
}

export async function echo(
  target: Target,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<EchoResult> {
  const times: number[] = [];
  const frame = maskedFrame();
  let untilMs = Number.POSITIVE_INFINITY;
  let opened = 0;
  let closed = 0;
  const allOpen = Promise.withResolvers<void>();
  const allClosed = Promise.withResolvers<void>();
  const send = (socket: Bun.Socket<Echoing>): void => {
    socket.data.sentAtMs = performance.now();
    if (socket.data.sentAtMs < untilMs) socket.write(frame);
    else socket.end();
  };
  const socket = {
    open(socket: Bun.Socket<Echoing>) {
      socket.write(new TextEncoder().encode(requestHead(target, "GET /echo", UPGRADE)));
    },
    data(socket: Bun.Socket<Echoing>, bytes: Buffer) {
      const echoing = socket.data;
      if (!echoing.open) {
        if (!bytes.toString("latin1", 0, 13).startsWith("HTTP/1.1 101 ")) {
          return allOpen.reject(new Error(`no WebSocket: ${bytes.toString("latin1", 0, 200)}`));
        }
        echoing.open = true;
        opened += 1;
        if (opened === connections) allOpen.resolve();
        return;
      }
      echoing.gotBytes += bytes.length;
      if (echoing.gotBytes < FRAME_BYTES) return;
      echoing.gotBytes -= FRAME_BYTES;
      times.push(performance.now() - echoing.sentAtMs);
      send(socket);
    },
    close() {
      closed += 1;
      allOpen.reject(new Error("the connection closed early"));
      if (closed === connections) allClosed.resolve();
    },
    error() {},
  };
  const sockets = await Promise.all(
    Array.from({ length: connections }, () =>
      Bun.connect<Echoing>({
        hostname: "127.0.0.1",
        port: target.port,
        ...(target.tls ? { tls: { rejectUnauthorized: false } } : {}),
        data: { open: false, gotBytes: 0, sentAtMs: 0 },
        socket,
      }),
    ),
  );
  const late = setTimeout(() => allOpen.reject(new Error("no WebSocket in time")), OPENS_WITHIN_MS);
  await allOpen.promise;
  clearTimeout(late);
  untilMs = performance.now() + seconds * 1000;
  for (const each of sockets) send(each);
  await Promise.race([allClosed.promise, Bun.sleep(seconds * 1000 + 2_000)]);
  for (const each of sockets) each.terminate();
  return {
    messages: times.length,
    perSecond: times.length / seconds,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** A binary message as a client sends it (RFC 6455, 5.2). */
function maskedFrame(): Uint8Array {
  const frame = new Uint8Array(6 + PAYLOAD_BYTES);
  frame[0] = 0x82;
  frame[1] = 0x80 | PAYLOAD_BYTES;
  frame.set([1, 2, 3, 4], 2);
  return frame;
}
