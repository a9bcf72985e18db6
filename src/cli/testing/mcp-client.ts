// A client of `muster mcp` in memory: it writes lines and reads lines, and knows nothing of the library at the other end.

import { runCli } from "../run-cli.ts";
import { fakeSurroundings, type FakeSurroundings } from "./fake-surroundings.ts";

// What a test reads out of an answer is checked by its expectations.
// oxlint-disable-next-line typescript/no-explicit-any
type Json = any;

export interface McpClient {
  surroundings: FakeSurroundings;
  /** Whatever came that was no answer to `ask`. */
  heard: Json[];
  /** The answer to a request, whole. */
  ask(method: string, params?: object): Promise<Json>;
  /** The result of a tool. */
  tool(name: string, given?: object, meta?: object): Promise<Json>;
  write(text: string | Uint8Array): void;
  notify(method: string, params: object): void;
  /** Ends the input. */
  leave(): void;
  /** Lets all time pass that anybody waits for. */
  pass(): void;
  exitCode: Promise<number>;
}

/** After the opening words of both. */
export async function mcpClient(args: readonly string[] = []): Promise<McpClient> {
  const surroundings = fakeSurroundings();
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  surroundings.stdin.pieces = () => input.readable.values();
  const heard: Json[] = [];
  const waiting = new Map<number, (answer: Json) => void>();
  let begun = "";
  const take = (text: string): void => {
    const lines = (begun + text).split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) {
      const message: Json = JSON.parse(line);
      const answer = "method" in message ? undefined : waiting.get(message.id);
      if (answer === undefined) heard.push(message);
      else answer(message);
    }
  };
  surroundings.stdout.bytes = async (bytes) => take(new TextDecoder().decode(bytes));
  surroundings.stdout.write = take;
  const due = new Set<() => void>();
  const timed = Object.assign(surroundings, {
    timers: {
      ...surroundings.timers,
      after(_: number, run: () => void) {
        due.add(run);
        return { cancel: () => due.delete(run) };
      },
    },
  });
  const exitCode = runCli(["mcp", ...args], timed);
  let last = 0;
  const write = (text: string | Uint8Array): void => {
    void writer.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
  };
  const say = (message: object): void => write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const client: McpClient = {
    surroundings,
    heard,
    ask(method, params = {}) {
      const id = ++last;
      const { promise, resolve } = Promise.withResolvers<Json>();
      waiting.set(id, resolve);
      say({ id, method, params });
      return promise;
    },
    async tool(name, given = {}, meta = {}) {
      const { result } = await client.ask("tools/call", { name, arguments: given, _meta: meta });
      return result;
    },
    write,
    notify: (method, params) => say({ method, params }),
    leave: () => void writer.close(),
    pass() {
      for (const run of due) run();
    },
    exitCode,
  };
  const opening = {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  };
  const began = client.ask("initialize", opening);
  const answer: Json = await Promise.race([began, exitCode]);
  if (typeof answer === "number") throw new Error(`it ended with ${answer}: ${surroundings.stderr.text}`);
  heard.push(answer);
  client.notify("notifications/initialized", {});
  return client;
}
