// A guest's session with a real hub over a real socket, as cheap as it can be, so that a thousand of them fit into
// a test: a key of its own, an address of its own behind the hub's proxy, and messages as JSON. What comes back to
// a request is told apart by its id; everything else is told as it comes.
import { connect, type Socket } from "node:net";
import { keyProver } from "../../src/client/prove-key.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import type { Crypto, Signer } from "../../src/identity/crypto.ts";
import { hubToClient, type HubMessage, type HubToClient } from "../../src/protocol/messages.ts";
import { encodeFrame, FRAME, PING_BYTES } from "../../src/trunk/frame.ts";
import { PROVEN_MESSAGE_MAX_BYTES } from "../../src/protocol/limits.ts";
import { cutMessage, MessageAssembler } from "../../src/trunk/messages.ts";

const HEADER_BYTES = 8;
const BLANK_LINE = "\r\n\r\n";

export const crypto: Crypto = nodeCrypto((length) =>
  globalThis.crypto.getRandomValues(new Uint8Array(length)),
);

export interface GuestOptions {
  hubUrl: string;
  /** What the proxy in front of the hub says of it. */
  address: string;
}

export class GuestSocket {
  readonly signer: Signer = crypto.ed25519Signer(crypto.randomBytes(32));
  /** Whatever answers no request. */
  heard: (message: HubToClient) => void = () => {};
  /** Why it is over. */
  ended: string | undefined;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, (answer: string) => void>();
  #held: Buffer = Buffer.alloc(0);
  #lastId = 0;
  #pings: ReturnType<typeof setInterval> | undefined;
  readonly #pieces = new MessageAssembler(PROVEN_MESSAGE_MAX_BYTES);

  /** Registered when it resolves. */
  static async open(options: GuestOptions): Promise<GuestSocket> {
    const guest = new GuestSocket(Number(new URL(options.hubUrl).port), options);
    await guest.#register(options.hubUrl);
    return guest;
  }

  private constructor(port: number, { address }: GuestOptions) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("error", () => {}); // its close is what counts
    this.#socket.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#socket.on("close", () => this.#end("the connection closed"));
    const head = [
      "GET /trunk HTTP/1.1",
      `Host: localhost:${port}`,
      "Connection: Upgrade",
      "Upgrade: muster-trunk/1",
      `X-Forwarded-For: ${address}`,
      "X-Forwarded-Proto: https",
    ];
    this.#socket.write(`${head.join("\r\n")}${BLANK_LINE}`);
  }

  /** The answer as text: to look at it costs nothing where it is one of a million. */
  ask(message: Record<string, unknown> & { type: string }): Promise<string> {
    const id = `${++this.#lastId}`;
    return new Promise((resolve) => {
      if (this.ended !== undefined) return resolve("");
      this.#waiting.set(id, resolve);
      this.say({ ...message, id });
    });
  }

  /** The same, read. Throws what the hub refused with. */
  async request<Type extends HubToClient["type"]>(
    message: Record<string, unknown> & { type: string },
    type: Type,
  ): Promise<HubMessage<Type>> {
    const answer = hubToClient.parse(JSON.parse(await this.ask(message)));
    if (answer.type !== type) throw new Error(`answered with ${JSON.stringify(answer)}`);
    // Of that type, as was just seen.
    return answer as HubMessage<Type>;
  }

  say(message: object): void {
    cutMessage(Buffer.from(JSON.stringify(message)), (more, piece) => {
      this.#socket.write(encodeFrame(FRAME.message, more ? 1 : 0, piece));
    });
  }

  /** Many at once, in one write. */
  async askAll(messages: readonly (Record<string, unknown> & { type: string })[]): Promise<string[]> {
    this.#socket.cork();
    const answers = messages.map((message) => this.ask(message));
    this.#socket.uncork();
    return Promise.all(answers);
  }

  /** Reads nothing any more, and is there all the same. */
  pause(): void {
    this.#socket.pause();
    const ping = () => this.#socket.write(encodeFrame(FRAME.ping, 0, new Uint8Array(PING_BYTES)));
    this.#pings = setInterval(ping, 1_000);
  }

  close(): void {
    clearInterval(this.#pings);
    this.#socket.destroy();
  }

  async #register(hubUrl: string): Promise<void> {
    const next = (): Promise<HubToClient> =>
      new Promise((resolve, reject) => {
        this.#waiting.set("", () => reject(new Error(this.ended)));
        this.heard = resolve;
      });
    const hello = await next();
    if (hello.type !== "hello") throw new Error(`no hello: ${JSON.stringify(hello)}`);
    const facts = { name: "guest", platform: "linux-x86_64", kind: "laptop", version: "0.1.0" } as const;
    const prove = keyProver({
      ...facts,
      crypto,
      signer: this.signer,
      sessionKind: "guest",
      url: hubUrl,
      hubKey: undefined,
    });
    const { register, check } = await prove(hello);
    const answer = next();
    this.say(register);
    const registered = await answer;
    if (registered.type !== "registered") throw new Error(`refused: ${JSON.stringify(registered)}`);
    await check(registered);
    this.#waiting.delete("");
    this.heard = () => {};
  }

  #take(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    if (this.#socket.bytesWritten > 0 && this.#held.subarray(0, 5).toString("latin1") === "HTTP/") {
      const end = this.#held.indexOf(BLANK_LINE);
      if (end === -1) return;
      this.#held = this.#held.subarray(end + BLANK_LINE.length);
    }
    let at = 0;
    while (this.#held.length - at >= HEADER_BYTES) {
      const length = this.#held.readUIntBE(at + 5, 3);
      if (this.#held.length - at < HEADER_BYTES + length) break;
      this.#frame(
        this.#held.readUInt8(at + 4),
        this.#held.readUInt32BE(at) === 1,
        this.#held.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length),
      );
      at += HEADER_BYTES + length;
    }
    this.#held = this.#held.subarray(at);
  }

  #frame(type: number, more: boolean, payload: Buffer): void {
    if (type === FRAME.ping) this.#socket.write(encodeFrame(FRAME.pong, 0, payload));
    if (type === FRAME.goaway) this.#end(payload.toString());
    if (type !== FRAME.message) return;
    const result = this.#pieces.piece(more, payload);
    if (result.state !== "whole") return;
    const text = Buffer.from(result.message).toString();
    const id = /"id":"(\d+)"/.exec(text)?.[1];
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) return this.heard(hubToClient.parse(JSON.parse(text)));
    this.#waiting.delete(id);
    waiting(text);
  }

  #end(why: string): void {
    this.ended ??= why;
    for (const resolve of this.#waiting.values()) resolve("");
    this.#waiting.clear();
  }
}
