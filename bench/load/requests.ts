// Small requests over kept-alive connections: by wrk where it is installed, else by a generator of our own,
// which is slower and therefore always named with its figures.
import { onPath } from "../stage.ts";
import { quantile } from "../measure.ts";
import { requestHead, type Target } from "./target.ts";

export interface Load {
  connections: number;
  seconds: number;
}

export interface LoadResult {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export const generator = onPath("wrk") ? "wrk -t1" : "the bench's own generator (wrk not found)";

/** Throws when any request was not answered by 2xx. */
export function requests(target: Target, load: Load): Promise<LoadResult> {
  return onPath("wrk") ? byWrk(target, load) : byOwn(target, load);
}

async function byWrk(target: Target, { connections, seconds }: Load): Promise<LoadResult> {
  const fields = Object.entries({ Host: target.host, ...target.fields });
  const child = Bun.spawn(
    [
      "wrk",
      "-t1",
      `-c${connections}`,
      `-d${seconds}s`,
      "--latency",
      ...fields.flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
      `${target.tls ? "https" : "http"}://127.0.0.1:${target.port}/`,
    ],
    { stdout: "pipe", stderr: "ignore" },
  );
  const text = await new Response(child.stdout).text();
  if (/Non-2xx/.test(text)) throw new Error(`not every answer was a 2xx: ${text}`);
  const done = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (done === 0) throw new Error(`wrk got no answer: ${text}`);
  return {
    requests: done,
    perSecond: Number(/Requests\/sec: +([\d.]+)/.exec(text)?.[1]),
    p50Ms: milliseconds(/ 50% +(\S+)/.exec(text)?.[1]),
    p99Ms: milliseconds(/ 99% +(\S+)/.exec(text)?.[1]),
  };
}

/** "455.00us", "2.10ms", "1.20s". */
function milliseconds(text: string | undefined): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? "") ?? [];
  const scale = unit === "us" ? 0.001 : unit === "ms" ? 1 : 1000;
  return Number(number) * scale;
}

interface Asking {
  sentAtMs: number;
  left: number;
}

async function byOwn(target: Target, { connections, seconds }: Load): Promise<LoadResult> {
  const head = new TextEncoder().encode(requestHead(target, "GET /"));
  const times: number[] = [];
  const untilMs = performance.now() + seconds * 1000;
  let bad = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = connections;
  const ask = (socket: Bun.Socket<Asking>): void => {
    socket.data.sentAtMs = performance.now();
    socket.data.left = 0;
    if (socket.data.sentAtMs < untilMs) socket.write(head);
    else socket.end();
  };
  for (let index = 0; index < connections; index += 1) {
    await Bun.connect<Asking>({
      hostname: "127.0.0.1",
      port: target.port,
      ...(target.tls ? { tls: { rejectUnauthorized: false } } : {}),
      data: { sentAtMs: 0, left: 0 },
      socket: {
        open: ask,
        data(socket, bytes) {
          const asking = socket.data;
          if (asking.left === 0) asking.left = wholeLength(bytes, () => (bad += 1));
          asking.left -= bytes.length;
          if (asking.left > 0) return;
          times.push(performance.now() - asking.sentAtMs);
          ask(socket);
        },
        close() {
          open -= 1;
          if (open === 0) resolve();
        },
        error() {},
      },
    });
  }
  await promise;
  if (bad > 0) throw new Error(`${bad} answers were no 2xx`);
  return {
    requests: times.length,
    perSecond: times.length / seconds,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

/** Of a response whose head comes in one piece, as these small ones do. */
function wholeLength(bytes: Buffer, refused: () => void): number {
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.toString("latin1", 0, end);
  if (!head.startsWith("HTTP/1.1 2")) refused();
  return end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
}
