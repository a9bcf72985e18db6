// A relay that holds every byte back by a fixed time each way: a distant hub on one machine. It bounds the
// time, not the rate, and loses nothing: good for windows, no word on congestion. `bun bench/delay.ts PORT TO MS`.

interface Side {
  far: Bun.Socket<Side> | undefined;
  /** Bytes on their way to this side, oldest first, with the time at which they arrive. */
  flight: { atMs: number; bytes: Uint8Array }[];
  ending: boolean;
}

const [port, to, delayMs] = process.argv.slice(2).map(Number);
if (port === undefined || to === undefined || delayMs === undefined) throw new Error("PORT TO MS");
const live = new Set<Bun.Socket<Side>>();

const handlers = {
  data(socket: Bun.Socket<Side>, bytes: Uint8Array) {
    const far = socket.data.far;
    far?.data.flight.push({ atMs: performance.now() + delayMs, bytes: bytes.slice() });
  },
  drain: land,
  end: leave,
  close: leave,
  error() {},
};

Bun.listen<Side>({
  hostname: "127.0.0.1",
  port,
  socket: {
    ...handlers,
    async open(socket) {
      socket.setNoDelay(true);
      socket.data = { far: undefined, flight: [], ending: false };
      socket.pause();
      const far = await Bun.connect<Side>({
        hostname: "127.0.0.1",
        port: to,
        data: { far: socket, flight: [], ending: false },
        socket: handlers,
      });
      far.setNoDelay(true);
      socket.data.far = far;
      live.add(socket).add(far);
      socket.resume();
    },
  },
});
setInterval(() => {
  for (const socket of live) land(socket);
}, 1);
console.log("{}");

/** Delivers what has been under way for long enough. */
function land(socket: Bun.Socket<Side>): void {
  const side = socket.data;
  for (let first = side.flight[0]; first !== undefined; first = side.flight[0]) {
    if (first.atMs > performance.now()) return;
    const taken = Math.max(0, socket.write(first.bytes));
    if (taken < first.bytes.length) {
      first.bytes = first.bytes.subarray(taken);
      return;
    }
    side.flight.shift();
  }
  if (side.ending) socket.end();
}

function leave(socket: Bun.Socket<Side>): void {
  live.delete(socket);
  const far = socket.data?.far;
  if (far !== undefined) far.data.ending = true;
}
