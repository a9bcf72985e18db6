// Apps for tests: one that answers byte for byte what it is told to, on a real socket.

import { realNetwork } from "../../world/network.ts";
import type { Socket } from "../../world/world.ts";

export interface RawApp extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly connections: RawConnection[];
  /** Resolves with the n-th connection, counted from 0. */
  connection(n: number): Promise<RawConnection>;
}

export class RawConnection {
  readonly socket: Socket;
  #text = "";
  #watchers: (() => void)[] = [];
  ended = false;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get text(): string {
    return this.#text;
  }

  send(text: string): this {
    this.socket.write(Buffer.from(text, "latin1"));
    return this;
  }

  until(holds: (text: string) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds(this.#text)) return;
        this.#watchers = this.#watchers.filter((each) => each !== check);
        resolve();
      };
      this.#watchers.push(check);
      check();
    });
  }

  /** A whole request head has come. */
  head(): Promise<void> {
    return this.until((text) => text.includes("\r\n\r\n"));
  }

  forgetText(): void {
    this.#text = "";
  }

  got(bytes: Uint8Array): void {
    this.#text += Buffer.from(bytes).toString("latin1");
    this.changed();
  }

  changed(): void {
    for (const check of this.#watchers) check();
  }
}

/** `answer` is called for each piece that comes; without it the test does the talking. */
export async function rawApp(
  answer?: (connection: RawConnection) => void,
  host = "127.0.0.1",
): Promise<RawApp> {
  const connections: RawConnection[] = [];
  const waiting: (() => void)[] = [];
  const listener = await realNetwork.listen({
    address: { host, port: 0 },
    connection(socket) {
      const connection = new RawConnection(socket);
      connections.push(connection);
      for (const wake of waiting.splice(0)) wake();
      return {
        data(bytes) {
          connection.got(bytes);
          answer?.(connection);
        },
        drain() {},
        end() {
          connection.ended = true;
          connection.changed();
        },
        close() {
          connection.closed = true;
          connection.changed();
        },
      };
    },
  });
  return {
    port: listener.port,
    connections,
    async connection(n) {
      for (;;) {
        const found = connections[n];
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.close();
      listener.close();
      return Promise.resolve();
    },
  };
}

/** Answers every whole request head with the same text, and keeps the connection. */
export function answersWith(text: string): (connection: RawConnection) => void {
  return (connection) => {
    if (!connection.text.includes("\r\n\r\n")) return;
    connection.forgetText();
    connection.send(text);
  };
}
