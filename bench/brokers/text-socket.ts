// A connection to a server whose answers have known lengths: enough of a client to ask of NATS and Redis all that
// they can give. Writes what the socket does not take later.
const LINE_END = 0x0a;

export interface TextSocket {
  write(bytes: Uint8Array | string): void;
  /** Resolves once all that was written has gone. */
  flushed(): Promise<void>;
}

/** Asked with the first byte of an answer: how long it is, or that it ends with its line. */
export type LengthOf = (first: number) => number | "line";

/** `heard` is told of each kind of answer in a chunk, and how many there were. */
export async function textSocket(
  port: number,
  lengthOf: LengthOf,
  heard: (first: number, count: number) => void,
): Promise<TextSocket> {
  let unsent: Uint8Array[] = [];
  let wake: (() => void) | undefined;
  let rest: Buffer = Buffer.alloc(0);
  const push = (socket: Bun.Socket): void => {
    while (unsent[0] !== undefined) {
      const taken = Math.max(0, socket.write(unsent[0]));
      if (taken < unsent[0].length) {
        unsent[0] = unsent[0].subarray(taken);
        return;
      }
      unsent.shift();
    }
    wake?.();
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (opened) => void opened.setNoDelay(true),
      data(_, chunk) {
        const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let at = 0;
        let kind = 0;
        let count = 0;
        while (at < bytes.length) {
          const first = bytes[at] ?? 0;
          const known = lengthOf(first);
          const length = known === "line" ? bytes.indexOf(LINE_END, at) + 1 - at : known;
          if (length <= 0 || at + length > bytes.length) break;
          if (first !== kind && count > 0) {
            heard(kind, count);
            count = 0;
          }
          kind = first;
          count += 1;
          at += length;
        }
        rest = Buffer.from(bytes.subarray(at));
        if (count > 0) heard(kind, count);
      },
      drain: push,
    },
  });
  return {
    write(bytes) {
      unsent.push(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
      if (unsent.length === 1) push(socket);
    },
    flushed: () =>
      unsent.length === 0 ? Promise.resolve() : new Promise((resolve) => (wake = () => resolve())),
  };
}

/** The same text many times, as one piece to write. */
export function repeated(text: string, count: number): Uint8Array {
  return Buffer.from(text.repeat(count));
}
