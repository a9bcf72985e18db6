// A socket of Bun behind the `Socket` contract of world.ts.
//
// Bun hands a socket's events to one shared handler object; `socket.data` says whose they are. A write may
// be taken in part and the rest is the caller's, as the contract says too, so nothing is buffered here but
// what `finish` still has to see through.
import { isIP } from "node:net";
import type { ByteStreamEvents, Socket } from "./world.ts";

/** The channel binding's label (RFC 9266) and length. */
const EXPORTER_LABEL = "EXPORTER-Channel-Binding";
const EXPORTER_BYTES = 32;

/** The members of Bun's socket that are used; its own type does not list all of them. */
export interface RawSocket {
  data: BunSocket | undefined;
  readonly remoteAddress: string;
  readonly localAddress: string;
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  shutdown(): void;
  terminate(): void;
  end(): void;
  setNoDelay(on: boolean): boolean;
  /** Seconds of silence after which the `timeout` handler is called; 0 is never. */
  timeout(seconds: number): void;
  exportKeyingMaterial?(length: number, label: string, context: Uint8Array): Uint8Array;
  /** Before the handshake alone. */
  setKeyCert?(context: unknown): void;
  upgradeTLS(options: object): [RawSocket, RawSocket];
}

export class BunSocket implements Socket {
  readonly tls: boolean;
  events: ByteStreamEvents = nobody;
  readonly #raw: RawSocket;
  #open = true;
  #shutDown = false;
  #ended = false;
  #dropped = false;

  constructor(raw: RawSocket, tls: boolean) {
    this.#raw = raw;
    this.tls = tls;
  }

  get remoteAddress(): string {
    return plainAddress(this.#raw.remoteAddress);
  }

  get localAddress(): string {
    return plainAddress(this.#raw.localAddress);
  }

  write(bytes: Uint8Array): number {
    if (!this.#open || this.#shutDown) return -1;
    return this.#raw.write(bytes);
  }

  pause(): void {
    if (this.#open) this.#raw.pause();
  }

  resume(): void {
    if (this.#open) this.#raw.resume();
  }

  shutdown(): void {
    if (!this.#open || this.#shutDown) return;
    this.#shutDown = true;
    this.#raw.shutdown();
  }

  finish(): void {
    if (this.#open) this.#raw.end();
  }

  close(): void {
    this.#dropped = true;
    if (this.#open) this.#raw.terminate();
  }

  channelBinding(): Uint8Array {
    if (!this.tls || this.#raw.exportKeyingMaterial === undefined) return new Uint8Array(0);
    return this.#raw.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, new Uint8Array(0));
  }

  ended(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.events.end();
  }

  closed(error: Error | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    // Once both sides have half-closed, Bun tells the close alone.
    if (this.#shutDown && !this.#dropped && error === undefined) this.ended();
    const events = this.events;
    this.events = nobody;
    events.close(error);
  }
}

const nobody: ByteStreamEvents = { data() {}, drain() {}, end() {}, close() {} };

/** One handler object serves every socket. What has no owner yet, or no more, is nobody's. */
export const relay = {
  // Not Buffers: their slice() is a view, and what a reader keeps must be its own.
  binaryType: "uint8array",
  data(raw: RawSocket, bytes: Uint8Array) {
    raw.data?.events.data(bytes);
  },
  drain(raw: RawSocket) {
    raw.data?.events.drain();
  },
  end(raw: RawSocket) {
    raw.data?.ended();
  },
  close(raw: RawSocket, error?: Error) {
    raw.data?.closed(error ?? undefined);
  },
  error(raw: RawSocket, error: Error) {
    raw.data?.closed(error);
    raw.terminate();
  },
};

export function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** "::ffff:127.0.0.1" is the v4 address that it maps. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  const mapped = address.toLowerCase().startsWith("::ffff:") ? address.slice(7) : address;
  return isIP(mapped) === 4 ? mapped : address;
}
