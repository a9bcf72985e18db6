// A visitor's connection as bytes: it sends what a test writes, well-formed or not, and reads responses
// strictly by their own framing. No library in between can repair, retry or hide anything.
import { connect, type Socket } from "node:net";
import { within } from "./until.ts";

const READ_TIMEOUT_MS = 15_000;

export interface Answer {
  status: number;
  reason: string;
  /** Names in lower case, values in order. */
  fields: Map<string, string[]>;
  body: Buffer;
  /** Of the body as the visitor gets it, without chunk framing; also where the body was not kept. */
  length: number;
  trailers: Map<string, string[]>;
  /** The 1xx heads that came before. */
  interim: { status: number; fields: Map<string, string[]> }[];
}

type Head = Pick<Answer, "status" | "reason" | "fields">;

export interface ReadOptions {
  /** Of the request: the answer to HEAD has no body whatever its head says. */
  method?: string;
  /** Called with each piece of the body, which is then not kept. */
  sink?: (piece: Buffer) => void | Promise<void>;
}

export class Wire implements AsyncDisposable {
  readonly socket: Socket;
  /** How long reading waits for the next bytes. */
  patienceMs = READ_TIMEOUT_MS;
  readonly #pieces: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  #ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {}); // a reset is an end, and is read as one
    this.#pieces = pieces(socket);
  }

  static async connect(port: number, host = "127.0.0.1"): Promise<Wire> {
    const socket = connect({ port, host, noDelay: true });
    const connected = new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
    });
    await within(READ_TIMEOUT_MS, `connecting to port ${port}`, connected);
    return new Wire(socket);
  }

  /** Resolves when the kernel has taken it. Never rejects: a peer that closed is seen by reading. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, () => resolve());
    });
  }

  async answer(options: ReadOptions = {}): Promise<Answer> {
    const interim: Answer["interim"] = [];
    for (;;) {
      const head = await this.head();
      if (head.status >= 200 || head.status === 101)
        return { ...head, interim, ...(await this.#body(head, options)) };
      interim.push(head);
    }
  }

  async head(): Promise<Head> {
    const text = await this.#until("\r\n\r\n");
    const [line = "", ...rest] = text.split("\r\n");
    const [, status, reason] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(line) ?? [];
    if (status === undefined) throw new Error(`no status line: ${JSON.stringify(line.slice(0, 200))}`);
    return { status: Number(status), reason: reason ?? "", fields: fieldsOf(rest) };
  }

  /** The next bytes of the connection, at least one; undefined at its end. */
  async some(): Promise<Buffer | undefined> {
    if (this.#held.length === 0 && !(await this.#more())) return undefined;
    const taken = this.#held;
    this.#held = Buffer.alloc(0);
    return taken;
  }

  async exactly(length: number): Promise<Buffer> {
    while (this.#held.length < length) if (!(await this.#more())) throw cutAt(this.#held);
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  /** The next chunk of a chunked body, as it was framed. Undefined for the last. */
  async chunk(): Promise<Buffer | undefined> {
    const length = Number.parseInt(await this.#until("\r\n"), 16);
    if (length === 0) return undefined;
    const piece = Buffer.from(await this.exactly(length));
    await this.exactly(2);
    return piece;
  }

  /** All that comes until the peer closes. */
  async rest(): Promise<Buffer> {
    while (await this.#more());
    return this.#held;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    return Promise.resolve();
  }

  async #body(
    { status, fields }: Head,
    { method, sink }: ReadOptions,
  ): Promise<Pick<Answer, "body" | "length" | "trailers">> {
    const kept: Buffer[] = [];
    let length = 0;
    const take = async (piece: Buffer) => {
      length += piece.length;
      if (sink === undefined) kept.push(Buffer.from(piece));
      else await sink(piece);
    };
    let trailers = new Map<string, string[]>();
    const none = method === "HEAD" || status === 101 || status === 204 || status === 304;
    if (!none && fields.get("transfer-encoding")?.join(",") === "chunked") {
      for (let piece = await this.chunk(); piece !== undefined; piece = await this.chunk()) await take(piece);
      const lines: string[] = [];
      for (let line = await this.#until("\r\n"); line !== ""; line = await this.#until("\r\n"))
        lines.push(line);
      trailers = fieldsOf(lines);
    } else if (!none && fields.has("content-length")) {
      let left = Number(fields.get("content-length")?.[0]);
      while (left > 0) {
        const piece = await this.some();
        if (piece === undefined) throw cutAt(Buffer.concat(kept));
        this.#held = piece.subarray(left);
        await take(piece.subarray(0, left));
        left -= Math.min(left, piece.length);
      }
    } else if (!none) {
      for (let piece = await this.some(); piece !== undefined; piece = await this.some()) await take(piece);
    }
    return { body: Buffer.concat(kept), length, trailers };
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at >= 0) {
        const text = this.#held.toString("latin1", 0, at);
        this.#held = this.#held.subarray(at + mark.length);
        return text;
      }
      if (!(await this.#more())) throw cutAt(this.#held);
    }
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await within(this.patienceMs, "bytes of the answer", this.#pieces.next());
    if (next.done === true) this.#ended = true;
    else this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
    return !this.#ended;
  }
}

export interface Ask extends ReadOptions {
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Of the connection: where the URL's host name is not to be resolved. */
  address?: string;
  /** How long the answer may stay away. */
  patienceMs?: number;
}

/** One request on a connection of its own. The URL's host goes into the Host field, the bytes to loopback. */
export async function ask(url: string, options: Ask = {}): Promise<Answer> {
  const { method = "GET", headers = {}, body, address, patienceMs } = options;
  const { host, port, pathname, search } = new URL(url);
  await using wire = await Wire.connect(Number(port), address);
  if (patienceMs !== undefined) wire.patienceMs = patienceMs;
  const fields = { host, connection: "close", ...headers };
  const length = body === undefined ? "" : `content-length: ${Buffer.byteLength(body)}\r\n`;
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  await wire.write(`${method} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}${length}\r\n`);
  if (body !== undefined) await wire.write(body);
  return await wire.answer(options);
}

export function field(answer: Pick<Answer, "fields">, name: string): string | undefined {
  return answer.fields.get(name)?.join(", ");
}

export function text(answer: Pick<Answer, "body">): string {
  return answer.body.toString("utf8");
}

function fieldsOf(lines: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return fields;
}

/** An answer that broke off: it must never look like a whole one. */
export class CutOff extends Error {}

function cutAt(held: Buffer): CutOff {
  return new CutOff(
    `the connection ended in the middle of an answer, after ${JSON.stringify(held.toString("latin1").slice(0, 200))}`,
  );
}

/** A socket as pieces, paused while nobody asks. A reset ends them like a close does. */
async function* pieces(socket: Socket): AsyncGenerator<Buffer> {
  try {
    for await (const piece of socket) yield piece as Buffer; // no encoding was set
  } catch {
    // ended all the same
  }
}
