// A WebSocket to elsewhere: Bun's client, which ignores the proxies of the environment and takes ours.
import { systemError } from "./bun-socket.ts";
import type { WebSocketEvents, WebSocketOptions } from "./world.ts";

/** Bun's constructor takes options in place of the protocols; the web's type does not know. */
type Constructor = new (url: string, options: object) => WebSocket & { terminate(): void };

export function webSocket(url: string, options: WebSocketOptions): Promise<void> {
  const { ca, proxy, timeoutMs, opened } = options;
  return new Promise((resolve, reject) => {
    const socket = new (WebSocket as unknown as Constructor)(url, {
      ...(ca === undefined ? {} : { tls: { ca } }),
      ...(proxy === undefined ? {} : { proxy }),
    });
    socket.binaryType = "arraybuffer";
    let events: WebSocketEvents | undefined;
    const timer = setTimeout(() => {
      reject(systemError("ETIMEDOUT", "no WebSocket in time"));
      socket.terminate();
    }, timeoutMs);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      events = opened({
        send(data) {
          // A copy on the socket's side; it never says that it is full.
          socket.send(data as string | Uint8Array<ArrayBuffer>);
          return Math.max(data.length, 1);
        },
        get bufferedAmount() {
          return socket.bufferedAmount;
        },
        close: (code, reason) => socket.close(code, reason),
        terminate: () => socket.terminate(),
      });
      resolve();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") events?.message(data);
      else if (data instanceof ArrayBuffer) events?.message(new Uint8Array(data));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      clearTimeout(timer);
      reject(systemError("ECONNRESET", reason === "" ? `closed with code ${code}` : reason));
      const told = events;
      events = undefined;
      told?.close();
    });
    // A close follows and says more.
    socket.addEventListener("error", () => {});
  });
}
