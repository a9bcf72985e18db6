// A file over TCP as it is, like `cat FILE | nc` and `nc -l > FILE`: no seal, no checksum, nothing synced.
//
//   bun bench/load/copy.ts receive PORT FILE    one file after the other
//   bun bench/load/copy.ts send PORT FILE       ends when the receiver has written all of it
import { closeSync, openSync, readSync, writeSync } from "node:fs";

const PIECE_BYTES = 256 * 1024;
const [way, portText, path = ""] = process.argv.slice(2);
const port = Number(portText);

if (way === "receive") receive();
else await send();

function receive(): void {
  Bun.listen<{ file: number }>({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { file: -1 };
      },
      data(socket, bytes) {
        // Not before the first byte: who only looks whether somebody listens wants no file.
        if (socket.data.file < 0) socket.data.file = openSync(path, "w");
        for (let at = 0; at < bytes.length;) at += writeSync(socket.data.file, bytes, at);
      },
      end(socket) {
        if (socket.data.file >= 0) closeSync(socket.data.file);
        socket.end();
      },
    },
  });
}

async function send(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const file = openSync(path, "r");
  const piece = new Uint8Array(PIECE_BYTES);
  let unsent = new Uint8Array(0);
  const push = (socket: Bun.Socket): void => {
    for (;;) {
      if (unsent.length === 0) unsent = piece.subarray(0, readSync(file, piece));
      if (unsent.length === 0) {
        socket.shutdown();
        return;
      }
      const taken = Math.max(0, socket.write(unsent));
      unsent = unsent.subarray(taken);
      if (unsent.length > 0) return;
    }
  };
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      open: push,
      drain: push,
      data() {},
      end: (socket) => void socket.end(),
      close: () => resolve(),
      error: (_, error) => reject(error),
    },
  });
  await promise;
  closeSync(file);
}
