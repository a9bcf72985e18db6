// A visitor of shares: one request after the other, often on one connection with a Host that changes, and a
// close look at every byte that comes back.
import type { ByteStreamEvents, Socket } from "../../src/world/world.ts";
import { bodyOf } from "./bodies.ts";
import type { Asked, Ledger } from "./ledger.ts";
import { ResponseReader, type ReadResponse } from "./response-reader.ts";
import { orderPath, type Order } from "./sim-app.ts";
import type { Run } from "./sim-host.ts";
import type { SeededRandom } from "./sim-random.ts";

export interface Target {
  /** Name of the device that holds it. */
  device: string;
  /** As in the Host field. */
  host: string;
  /** What a page's file holds; an app tells by its answer whose it is. */
  page?: string;
}

export interface Wish {
  target: Target;
  method: Asked["method"];
  /** Of the answer, where an app gives it. */
  bytes?: number;
  bodyBytes?: number;
}

export interface SimVisitorOptions {
  name: string;
  run: Run;
  random: SeededRandom;
  ledger: Ledger;
  hubHost: string;
  targets: readonly [Target, ...Target[]];
  /** Between two requests, at most. */
  pauseMaxMs: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const KEEP_CHANCE = 0.7;
const REFUSALS: ReadonlySet<number> = new Set([502, 503, 504]);
/** Small answers mostly, some that outgrow every buffer on the way. */
const SIZES = [0, 1, 200, 3000, 3000, 70_000, 400_000] as const;

export class SimVisitor {
  readonly #options: SimVisitorOptions;
  #line: Line | undefined;
  #count = 0;
  #stopped = false;

  constructor(options: SimVisitorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#next();
  }

  /** Asks for nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#options.run.world.timers.after(0, () => {
      if (this.#line?.busy === false) this.#line.hangUp();
    });
  }

  /** What it waits for can never come: the machine at the other end lost its power and said nothing. */
  giveUp(): void {
    this.#line?.hangUp();
  }

  /** One request on a connection of its own, besides the usual ones. */
  async askOnce(wish: Wish): Promise<Asked> {
    const line = await this.#dial();
    const asked = await this.#ask(line, wish);
    line.hangUp();
    return asked;
  }

  /** Asks for a large answer and reads none of it. */
  async stall(target: Target, bytes: number): Promise<{ asked: Asked; hangUp(): void }> {
    const line = await this.#dial();
    line.stall();
    void this.#ask(line, { target, method: "GET", bytes });
    const asked = this.#options.ledger.asked.at(-1);
    if (asked === undefined) throw new Error("nothing was asked");
    return { asked, hangUp: () => line.hangUp() };
  }

  #next(): void {
    if (this.#stopped) return;
    const { random, run, pauseMaxMs } = this.#options;
    run.world.timers.after(random.fraction() * pauseMaxMs, () => void this.#visit());
  }

  async #visit(): Promise<void> {
    const { random, targets } = this.#options;
    try {
      if (this.#line?.open !== true) this.#line = await this.#dial();
      const methods = ["GET", "GET", "GET", "POST", "HEAD"] as const;
      await this.#ask(this.#line, { target: random.pick([...targets]), method: random.pick([...methods]) });
    } catch {
      // The hub is not there: tried again later, as visitors do.
    }
    if (!random.chance(KEEP_CHANCE) || this.#stopped) this.#line?.hangUp();
    this.#next();
  }

  async #dial(): Promise<Line> {
    const { run, hubHost, ledger } = this.#options;
    const line = new Line(ledger);
    await run.world.network.connect({
      address: { host: hubHost, port: 443 },
      tls: { serverName: hubHost },
      timeoutMs: CONNECT_TIMEOUT_MS,
      connected: (socket) => line.begin(socket),
    });
    return line;
  }

  #ask(line: Line, { target, method, bytes, bodyBytes }: Wish): Promise<Asked> {
    const { name, random, ledger } = this.#options;
    this.#count += 1;
    const id = `${name}-${this.#count}`;
    const asked = ledger.ask({ id, method, device: target.device });
    const { page } = target;
    if (page !== undefined) {
      const facts = { asked, path: "/", host: target.host, expected: Buffer.from(page), answer: undefined };
      return new Promise((over) => line.ask({ ...facts, body: Buffer.alloc(0), over }));
    }
    const order: Order = {
      id,
      bytes: bytes ?? random.pick([...SIZES]),
      pauseMs: random.chance(0.2) ? random.whole(1, 400) : 0,
      framing: random.chance(0.5) ? "length" : "chunked",
    };
    const sends = method === "POST" ? (bodyBytes ?? random.pick([0, 10, 5000, 150_000])) : 0;
    return new Promise((over) =>
      line.ask({
        asked,
        path: orderPath(order),
        host: target.host,
        body: bodyOf("visitor", id, sends),
        expected: bodyOf(target.device, id, order.bytes),
        answer: `${target.device} ${id}`,
        over,
      }),
    );
  }
}

interface Question {
  asked: Asked;
  path: string;
  host: string;
  body: Buffer;
  /** The body of the one right answer. */
  expected: Buffer;
  /** How an app marks it. */
  answer: string | undefined;
  over(asked: Asked): void;
}

/** One connection to the hub. */
class Line implements ByteStreamEvents {
  readonly #ledger: Ledger;
  readonly #reader: ResponseReader;
  #socket: Socket | undefined;
  #question: Question | undefined;
  #unsent = Buffer.alloc(0);
  #response: ReadResponse | undefined;
  #bodyAt = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#reader = new ResponseReader({
      head: (response) => this.#head(response),
      body: (bytes) => this.#body(bytes),
      whole: () => this.#whole(),
      wrong: (what) => this.#wrong(what),
    });
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  get busy(): boolean {
    return this.#question !== undefined;
  }

  begin(socket: Socket): this {
    this.#socket = socket;
    return this;
  }

  ask(question: Question): void {
    this.#question = question;
    this.#response = undefined;
    this.#bodyAt = 0;
    const { asked, path, host, body } = question;
    const lines = [`${asked.method} ${path} HTTP/1.1`, `Host: ${host}`, "User-Agent: sim"];
    if (asked.method === "POST") lines.push(`Content-Length: ${body.length}`);
    const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
    this.#unsent = Buffer.concat([head, body]);
    this.#reader.expect(asked.method);
    if (this.#socket === undefined) this.#over("cut");
    else this.drain();
  }

  /** Reads nothing from now on. */
  stall(): void {
    this.#socket?.pause();
  }

  hangUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#over("cut");
  }

  data(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  drain(): void {
    const taken = this.#socket?.write(this.#unsent) ?? 0;
    if (taken > 0) this.#unsent = this.#unsent.subarray(taken);
  }

  end(): void {
    this.#reader.end();
    this.hangUp();
  }

  close(): void {
    this.#socket = undefined;
    this.#over("cut");
  }

  #head(response: ReadResponse): void {
    this.#response = response;
    const { question, status, answer } = this.#facts();
    if (question === undefined) return;
    if (status === 200) {
      if (answer !== question.answer) this.#wrong(`the answer "${answer ?? "of nobody"}"`);
    } else if (!REFUSALS.has(status)) this.#wrong(`status ${status}`);
    else if (status === 503 && !response.fields.has("retry-after")) this.#wrong("a 503 without Retry-After");
  }

  #body(bytes: Buffer): void {
    const { question, status } = this.#facts();
    if (question === undefined || status !== 200) return;
    const { expected } = question;
    const at = this.#bodyAt;
    this.#bodyAt += bytes.length;
    if (this.#bodyAt > expected.length) return this.#wrong(`more than ${expected.length} bytes`);
    if (!expected.subarray(at, this.#bodyAt).equals(bytes)) this.#wrong(`foreign bytes after ${at}`);
  }

  #whole(): void {
    const { question, status } = this.#facts();
    if (question === undefined) return;
    const hasBody = question.asked.method !== "HEAD" && status === 200;
    const expected = hasBody ? question.expected.length : this.#bodyAt;
    if (this.#bodyAt !== expected) this.#wrong(`${this.#bodyAt} bytes in place of ${expected}`);
    const closes = this.#response?.fields.get("connection") === "close";
    this.#over(status === 200 ? "answered" : "refused");
    if (closes) this.hangUp();
  }

  #facts() {
    const response = this.#response;
    return {
      question: this.#question,
      status: response?.status ?? 0,
      answer: response?.fields.get("x-answer"),
    };
  }

  #wrong(what: string): void {
    const id = this.#question?.asked.id ?? "no request";
    this.#ledger.violate(`${id} got ${what}`);
  }

  #over(outcome: "answered" | "refused" | "cut"): void {
    const question = this.#question;
    if (question === undefined) return;
    this.#question = undefined;
    this.#unsent = Buffer.alloc(0);
    this.#ledger.settle(question.asked, outcome, this.#response?.status);
    question.over(question.asked);
  }
}
