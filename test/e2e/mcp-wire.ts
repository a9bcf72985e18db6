// A client of the real `muster mcp`: lines of JSON-RPC over its standard input and output, and nothing but those.
import type { Home, Json, Running } from "./harness.ts";
import { within } from "./until.ts";

const ANSWER_MS = 30_000;

export class McpWire implements AsyncDisposable {
  readonly program: Running;
  /** Notifications of the server. */
  readonly heard: Json[] = [];
  readonly #waiting = new Map<number, (answer: Json) => void>();
  #begun = "";
  #last = 0;

  constructor(home: Home, args: readonly string[] = []) {
    this.program = home.spawn(["mcp", ...args]);
    this.program.process.stdout?.on("data", (text: string) => this.#take(text));
  }

  async open(): Promise<Json> {
    const clientInfo = { name: "test", version: "1" };
    const opening = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
    const { result } = await this.ask("initialize", opening);
    this.say({ method: "notifications/initialized" });
    return result;
  }

  say(message: object): void {
    this.program.process.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  /** The id that the next request gets. */
  get next(): number {
    return this.#last + 1;
  }

  ask(method: string, params: object = {}): Promise<Json> {
    const id = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<Json>();
    this.#waiting.set(id, resolve);
    this.say({ id, method, params });
    return within(ANSWER_MS, `an answer to ${JSON.stringify(params)}`, promise);
  }

  /** What a tool gives: its facts. Throws what it says went wrong. */
  async tool(name: string, given: object = {}, meta: object = {}): Promise<Json> {
    const { result, error } = await this.ask("tools/call", { name, arguments: given, _meta: meta });
    if (error !== undefined) throw new Error(error.message);
    if (result.isError === true) throw new Error(result.content[0].text);
    return result.structuredContent;
  }

  /** Its exit code once its input has ended. */
  leave(): Promise<number> {
    this.program.process.stdin?.end();
    return within(ANSWER_MS, "its end", this.program.exited);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.kill();
  }

  #take(text: string): void {
    const lines = (this.#begun + text).split("\n");
    this.#begun = lines.pop() ?? "";
    for (const line of lines) {
      // What is no message ends the test.
      const message: Json = JSON.parse(line);
      if ("method" in message) this.heard.push(message);
      else this.#waiting.get(message.id)?.(message);
    }
  }
}
