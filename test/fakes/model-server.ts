// A model server that speaks the OpenAI format over HTTP, as Ollama, llama.cpp and providers do: models, chat with and
// without streaming, embeddings. What it says is a function of what it is asked; how it misbehaves is the test's choice.

interface Asked {
  path: string;
  authorization: string | null;
  body: Record<string, unknown>;
}

export interface ModelServerOptions {
  models?: readonly string[];
  /** Refuses others. */
  apiKey?: string;
  /** In place of what it would answer to a POST. */
  answer?(asked: Asked, signal: AbortSignal): Response | Promise<Response> | undefined;
}

export class ModelServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Requests that were given up by whoever asked. */
  abandoned = 0;
  readonly #server: ReturnType<typeof Bun.serve>;

  constructor({ models = ["tiny", "nomic-embed-text"], apiKey, answer }: ModelServerOptions = {}) {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: async (request) => {
        const { pathname: path } = new URL(request.url);
        const authorization = request.headers.get("Authorization");
        if (apiKey !== undefined && authorization !== `Bearer ${apiKey}`)
          return refusal(401, "wrong API key");
        if (path === "/v1/models") {
          return Response.json({ object: "list", data: models.map((id) => ({ id, object: "model" })) });
        }
        const body = (await request.json()) as Record<string, unknown>; // a test sends nothing else
        const asked = { path, authorization, body };
        this.asked.push(asked);
        request.signal.addEventListener("abort", () => (this.abandoned += 1));
        const own = await answer?.(asked, request.signal);
        if (own !== undefined) return own;
        if (!models.includes(String(body["model"])))
          return refusal(404, `model "${String(body["model"])}" not found`);
        if (path === "/v1/embeddings") return embeddings(body);
        if (path === "/v1/chat/completions") return chat(body);
        return refusal(404, "no such path");
      },
    });
  }

  /** With its `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  get port(): number {
    return Number(this.#server.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

export function refusal(status: number, message: string): Response {
  return Response.json({ error: { message, type: "invalid_request_error" } }, { status });
}

/** The events of a streamed answer, one for each word. */
export function chunksFor(words: readonly string[], model = "tiny"): string[] {
  const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model };
  const choice = (delta: object, finish_reason: string | null = null): string =>
    JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] });
  return [
    choice({ role: "assistant", content: "" }),
    ...words.map((content) => choice({ content })),
    choice({}, "stop"),
    "[DONE]",
  ];
}

/** Events as a server sends them, each in a piece of its own. */
export function eventStream(events: readonly string[], atEnd?: () => Promise<void>): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const event of events) {
        controller.enqueue(encoder.encode(`data: ${event}\n\n`));
        // As a model writes: not all at once.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await atEnd?.();
      controller.close();
    },
  });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}

function chat(body: Record<string, unknown>): Response {
  const messages = body["messages"];
  if (!Array.isArray(messages)) return refusal(400, "messages: field required");
  const { content } = messages.at(-1) as { content: string };
  const words = ["You ", "asked: ", content];
  const model = String(body["model"]);
  if (body["stream"] === true) return eventStream(chunksFor(words, model));
  const message = { role: "assistant", content: words.join("") };
  return Response.json({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model,
    choices: [{ index: 0, message, finish_reason: "stop" }],
  });
}

function embeddings({ input, model }: Record<string, unknown>): Response {
  const texts = Array.isArray(input) ? input.map(String) : [String(input)];
  const data = texts.map((text, index) => ({ object: "embedding", index, embedding: [text.length, 0.5] }));
  return Response.json({ object: "list", data, model });
}
