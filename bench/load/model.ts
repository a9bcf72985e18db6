// A model server in the OpenAI format that thinks about nothing: `bun bench/load/model.ts PORT`. It streams its words a
// few milliseconds apart, the first at once.
export const MODEL = "bench-model";
export const WORDS = 16;
const APART_MS = 2;

const utf8 = new TextEncoder();

if (import.meta.main) {
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(process.argv[2]),
    idleTimeout: 0,
    routes: {
      "/v1/models": () => Response.json({ object: "list", data: [{ id: MODEL, object: "model" }] }),
      "/v1/chat/completions": { POST: (request) => chat(request) },
    },
  });
  console.log("{}");
}

async function chat(request: Request): Promise<Response> {
  await request.json();
  const words = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (let word = 0; word < WORDS; word += 1) {
        controller.enqueue(event({ role: "assistant", content: `word${word} ` }, null));
        await Bun.sleep(APART_MS);
      }
      controller.enqueue(event({}, "stop"));
      controller.enqueue(utf8.encode("data: [DONE]\n\n"));
      controller.close();
    },
  });
  return new Response(words, { headers: { "Content-Type": "text/event-stream" } });
}

function event(delta: object, finishReason: string | null): Uint8Array {
  const choice = { index: 0, delta, finish_reason: finishReason };
  const chunk = { id: "bench", object: "chat.completion.chunk", created: 1, model: MODEL, choices: [choice] };
  return utf8.encode(`data: ${JSON.stringify(chunk)}\n\n`);
}
