// Sends a reply of ours over an exchange. A streamed body is read no faster than the visitor takes it, and a
// body that breaks off takes the connection with it: a cut answer must never look whole.

import { NOBODY } from "../../http1/exchange.ts";
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { field } from "../../http1/field.ts";
import type { Field } from "../../http1/field.ts";
import { serializeResponse } from "../../http1/serialize.ts";
import type { Reply, StreamedBody } from "./reply.ts";

/** What is known of a response once it is over. */
export interface Sent {
  status: number;
  /** Bytes of the body on the wire. */
  length: number;
}

export interface SendOptions {
  /** The visitor's connection ends after this response whatever it says. */
  closes: boolean;
  /** Before the first byte goes out. */
  sending?: (status: number) => void;
  /** The response went out whole; of a broken one nothing is told. */
  sent?: (sent: Sent) => void;
}

const KEEP_ALIVE = field("Connection", "keep-alive");
const CLOSE = field("Connection", "close");
const CHUNKED = field("Transfer-Encoding", "chunked");
const LAST_CHUNK = Buffer.from("0\r\n\r\n", "latin1");
const REASONS: Readonly<Record<number, string>> = { 200: "OK", 206: "Partial Content", 404: "Not Found" };

/** Returns who is told of the request from then on. */
export function sendReply(exchange: Exchange, reply: Reply, options: SendOptions): ExchangeEvents {
  const { status, fields, body } = reply;
  if (body.kind === "stream") {
    const sender = new StreamSender(exchange, body);
    sender.send(reply, options).catch(() => exchange.abort());
    return sender;
  }
  const bytes = body.kind === "bytes" ? body.bytes : undefined;
  options.sending?.(status);
  exchange.respond({
    status,
    fields,
    ...(bytes === undefined ? {} : { body: bytes }),
    ...(options.closes ? { after: "close" } : {}),
  });
  const hasBody = exchange.request.method !== "HEAD" && status !== 204 && status !== 304;
  options.sent?.({ status, length: hasBody ? (bytes?.length ?? 0) : 0 });
  return NOBODY;
}

class StreamSender implements ExchangeEvents {
  readonly #exchange: Exchange;
  readonly #body: StreamedBody;
  #gone = false;
  #wake: (() => void) | undefined;

  constructor(exchange: Exchange, body: StreamedBody) {
    this.#exchange = exchange;
    this.#body = body;
  }

  async send({ status, fields }: Reply, options: SendOptions): Promise<void> {
    const { method, version } = this.#exchange.request;
    // Before HTTP/1.1 nobody knew chunks: the end of such a body is the end of the connection.
    const chunked = this.#body.length === undefined && version === "1.1";
    const closes =
      options.closes || !this.#exchange.keepAlive || (this.#body.length === undefined && !chunked);
    try {
      options.sending?.(status);
      await this.#write(headOf(status, fields, { length: this.#body.length, chunked, closes }));
      const length = method === "HEAD" ? 0 : await this.#writeBody(chunked);
      if (this.#gone) return;
      options.sent?.({ status, length });
      this.#exchange.finish(closes ? "close" : "keep-alive");
    } finally {
      await this.#body.release();
    }
  }

  async #writeBody(chunked: boolean): Promise<number> {
    let length = 0;
    for await (const bytes of this.#body.open()) {
      if (this.#gone) return length;
      if (bytes.length === 0) continue;
      const framed = chunked ? asChunk(bytes) : bytes;
      await this.#write(framed);
      length += framed.length;
    }
    if (chunked && !this.#gone) await this.#write(LAST_CHUNK);
    return length + (chunked ? LAST_CHUNK.length : 0);
  }

  /** Resolves once all is taken, or there is nobody left. */
  async #write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (!this.#gone) {
      const taken = this.#exchange.write(rest);
      if (taken < 0) this.#gone = true;
      if (taken < 0 || taken === rest.length) return;
      rest = rest.subarray(taken);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  writable(): void {
    this.#wakeUp();
  }

  aborted(): void {
    this.#gone = true;
    this.#wakeUp();
  }

  body(): void {}
  bodyEnd(): void {}
  rawEnd(): void {}
}

function headOf(
  status: number,
  fields: readonly Field[],
  framing: { length: number | undefined; chunked: boolean; closes: boolean },
): Uint8Array {
  const all = [...fields];
  if (framing.length !== undefined) all.push(field("Content-Length", String(framing.length)));
  if (framing.chunked) all.push(CHUNKED);
  all.push(framing.closes ? CLOSE : KEEP_ALIVE);
  return serializeResponse({ status, reason: REASONS[status] ?? "" }, all);
}

function asChunk(bytes: Uint8Array): Uint8Array {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1");
  return Buffer.concat([size, bytes, LAST_CHUNK.subarray(1, 3)]);
}
