// JSON-RPC over two byte streams, one message a line, as the protocol's stdio binding has it. Nothing but messages is
// written; what is no message is answered as such and passed over.

import {
  parseJSONRPCMessage,
  serializeMessage,
  type JSONRPCMessage,
  type Transport,
} from "@modelcontextprotocol/server";
import { concat, fromUtf8, utf8 } from "../../protocol/bytes.ts";
import type { Input, Output } from "../surroundings.ts";

/** A payload of 1 MiB, with all its escapes. */
const LINE_MAX_BYTES = 8 * 1024 * 1024;
const LINE_FEED = 10;
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

export class LineTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  /** Resolves when nothing comes any more. */
  readonly ended: Promise<void>;
  /** Told whenever a message was written. */
  onsent?: () => void;

  readonly #input: AsyncIterator<Uint8Array>;
  readonly #output: Pick<Output, "bytes">;
  readonly #end: () => void;
  #isClosed = false;
  /** Requests that came and have no answer yet. */
  readonly #open = new Set<string | number>();
  /** One after the other, each once the one before was taken. */
  #written: Promise<void> = Promise.resolve();

  constructor(input: Pick<Input, "pieces">, output: Pick<Output, "bytes">) {
    this.#input = input.pieces()[Symbol.asyncIterator]();
    this.#output = output;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
  }

  async start(): Promise<void> {
    void this.#read()
      .catch((thrown: unknown) =>
        this.onerror?.(thrown instanceof Error ? thrown : new Error(String(thrown))),
      )
      .finally(this.#end);
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) return;
    await this.#write(serializeMessage(message));
    if (!("method" in message) && message.id !== undefined) this.#open.delete(message.id);
    this.onsent?.();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // A read that is under way ends with the program.
    void this.#input.return?.();
    await this.#written;
    this.onclose?.();
  }

  async #read(): Promise<void> {
    let begun: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const { value: piece, done } = await this.#input.next();
      if (done === true || this.#isClosed) return;
      let from = 0;
      for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, from)) {
        length += end - from;
        begun.push(piece.subarray(from, end));
        if (length <= LINE_MAX_BYTES) await this.#line(concat(...begun));
        else await this.#refuse(INVALID_REQUEST, `a message has at most ${LINE_MAX_BYTES} bytes`);
        begun = [];
        length = 0;
        from = end + 1;
      }
      length += piece.length - from;
      // One that is too long is counted, not kept.
      if (length <= LINE_MAX_BYTES) begun.push(piece.subarray(from));
      else begun = [];
    }
  }

  async #line(bytes: Uint8Array): Promise<void> {
    const text = fromUtf8(bytes)?.trim();
    if (text === "") return;
    let value: unknown;
    try {
      if (text === undefined) throw new SyntaxError("it is no UTF-8");
      value = JSON.parse(text);
    } catch {
      return this.#refuse(PARSE_ERROR, "that was no JSON");
    }
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(value);
    } catch {
      return this.#refuse(INVALID_REQUEST, "that was no JSON-RPC message");
    }
    this.#account(message);
    this.onmessage?.(message);
  }

  #account(message: JSONRPCMessage): void {
    if (!("method" in message)) return;
    if ("id" in message) return void this.#open.add(message.id);
    const taken = message.params?.["requestId"];
    // What was taken back has no answer.
    const isTakenBack = message.method === "notifications/cancelled";
    if (isTakenBack && (typeof taken === "string" || typeof taken === "number")) this.#open.delete(taken);
  }

  /** Which message it was can't be known. */
  #refuse(code: number, message: string): Promise<void> {
    return this.#write(`${JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message } })}\n`);
  }

  #write(line: string): Promise<void> {
    this.#written = this.#written.then(() => this.#output.bytes(utf8(line)));
    return this.#written;
  }
}
