// Reads responses from a connection the plain way, as a strict client of another make would: it shares no
// code with the program, so that both can't be wrong in the same manner.

export interface ReadResponse {
  status: number;
  /** Lower-case names; a repeated field keeps its last value. */
  fields: Map<string, string>;
}

export interface ReaderEvents {
  head(response: ReadResponse): void;
  body(bytes: Buffer): void;
  /** The response is whole. */
  whole(): void;
  /** What came is no response, or belongs to none. */
  wrong(what: string): void;
}

type State =
  | { at: "idle" }
  | { at: "head"; method: string }
  | { at: "length"; left: number }
  | { at: "chunk-size" }
  | { at: "chunk"; left: number }
  | { at: "last-chunk" }
  | { at: "to-end" };

export class ResponseReader {
  readonly #events: ReaderEvents;
  #state: State = { at: "idle" };
  #held = Buffer.alloc(0);

  constructor(events: ReaderEvents) {
    this.#events = events;
  }

  /** A request was sent: one response is due. */
  expect(method: string): void {
    this.#state = { at: "head", method };
  }

  push(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    while (this.#held.length > 0 && this.#step()) {
      // Goes on as long as something was understood.
    }
  }

  /** The connection ended. */
  end(): void {
    if (this.#state.at === "to-end") this.#whole();
  }

  #step(): boolean {
    const state = this.#state;
    switch (state.at) {
      case "idle":
        this.#events.wrong(`${this.#held.length} bytes that nobody asked for`);
        this.#held = Buffer.alloc(0);
        return false;
      case "head":
        return this.#head(state.method);
      case "length":
      case "chunk":
        return this.#piece(state);
      case "chunk-size":
        return this.#chunkSize();
      case "last-chunk":
        return this.#lastChunk();
      case "to-end":
        this.#events.body(this.#take(this.#held.length));
        return false;
    }
  }

  #head(method: string): boolean {
    const end = this.#held.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [first = "", ...lines] = this.#take(end + 4)
      .toString("latin1")
      .trimEnd()
      .split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(`${first} `)?.[1]);
    if (!(status >= 100)) {
      this.#events.wrong(`the status line "${first}"`);
      return false;
    }
    const fields = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    if (status < 200) return true;
    this.#events.head({ status, fields });
    if (method === "HEAD" || status === 204 || status === 304) this.#whole();
    else if (fields.get("transfer-encoding") === "chunked") this.#state = { at: "chunk-size" };
    else if (fields.has("content-length")) this.#length(Number(fields.get("content-length")));
    else this.#state = { at: "to-end" };
    return true;
  }

  #length(left: number): void {
    if (left === 0) this.#whole();
    else this.#state = { at: "length", left };
  }

  #piece(state: { at: "length" | "chunk"; left: number }): boolean {
    const piece = this.#take(Math.min(state.left, this.#held.length));
    state.left -= piece.length;
    const body =
      state.at === "length" ? piece : piece.subarray(0, piece.length - Math.max(0, 2 - state.left));
    if (body.length > 0) this.#events.body(body);
    if (state.left > 0) return true;
    if (state.at === "length") this.#whole();
    else this.#state = { at: "chunk-size" };
    return true;
  }

  #chunkSize(): boolean {
    const end = this.#held.indexOf("\r\n");
    if (end < 0) return false;
    const text = this.#take(end + 2)
      .toString("latin1")
      .trimEnd();
    if (!/^[0-9a-f]+$/i.test(text)) {
      this.#events.wrong(`the chunk size "${text}"`);
      return false;
    }
    const size = Number.parseInt(text, 16);
    // The line break behind a chunk counts as the end of it.
    this.#state = size === 0 ? { at: "last-chunk" } : { at: "chunk", left: size + 2 };
    return true;
  }

  #lastChunk(): boolean {
    if (this.#held.length < 2) return false;
    if (this.#take(2).toString("latin1") === "\r\n") this.#whole();
    else this.#events.wrong("trailers");
    return true;
  }

  #whole(): void {
    this.#state = { at: "idle" };
    this.#events.whole();
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }
}
