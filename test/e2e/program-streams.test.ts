// A program that reads a model's words by HTTP, slowly or not to the end, at the hub and at an agent: the model is held
// while nobody reads, and let go when the program is gone.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { chunksFor, eventStream, ModelServer } from "../fakes/model-server.ts";
import { agent, Home, hubIn } from "./harness.ts";
import { until } from "./until.ts";

const CHUNK = `data: ${chunksFor(["x".repeat(16_000)])[1] ?? ""}\n\n`;
/** Far more than all buffers on the way. */
const FLOOD_BYTES = 256 * 1024 * 1024;
let written = 0;
const models = new ModelServer({
  answer({ body }) {
    const said = JSON.stringify(body);
    if (said.includes("whole")) return undefined;
    if (said.includes("silent")) return forever();
    return said.includes("flood") ? flood() : eventStream(chunksFor(["half"]).slice(0, 2), forever);
  },
});
const owner = new Home();
const gpu = new Home();
const base = { hub: "", agent: "" };
let token: string;

beforeAll(async () => {
  const { hub_url: hubUrl } = await hubIn(owner);
  const { token: joining } = await owner.ok(["device", "token"]);
  await gpu.ok(["init", hubUrl, "--token", joining, "--yes", "--no-service", "--name", "gpu"]);
  writeFileSync(join(gpu.path, "muster.toml"), `[llm]\nbase_url = "${models.url}"\n`, { mode: 0o600 });
  await agent(gpu);
  ({ token } = await owner.ok(["key", "create", "editor"]));
  const { port } = (await Bun.file(`${gpu.path}/agent.json`).json()) as { port: number };
  base.hub = hubUrl;
  base.agent = `http://127.0.0.1:${port}`;
  for (const at of Object.values(base)) {
    await until("the models, by the key", async () => {
      const response = await fetch(`${at}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
      return response.status === 200 && (await response.text()).includes("tiny");
    });
  }
}, 60_000);
afterAll(async () => {
  for (const home of [gpu, owner]) await home[Symbol.asyncDispose]();
  await models[Symbol.asyncDispose]();
});

describe.each(["hub", "agent"] as const)("at the %s", (place) => {
  test("a program that goes after the first word is gone at the model too", async () => {
    const before = models.abandoned;
    const { reader, gone } = await ask(base[place], "half of it");
    await reader.read();
    gone.abort();
    await until("an end at the model", () => models.abandoned > before);
  });

  test("a program that goes before the first word is gone at the model soon, though it says no word of it", async () => {
    const [asked, before] = [models.asked.length, models.abandoned];
    const body = JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "silent" }] });
    const { hostname, port, host } = new URL(base[place]);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until("the question at the model", () => models.asked.length > asked);
    socket.destroy();
    await until("an end at the model", () => models.abandoned > before);
  });

  test("a program that does not read holds the model, and lets go of it as it goes", async () => {
    written = 0;
    const before = models.abandoned;
    const { reader, gone } = await ask(base[place], "flood");
    await reader.read();
    let last = -1;
    let looks = 0;
    await until("the model to be held", () => {
      looks = written === last ? looks + 1 : 0;
      last = written;
      return looks === 10;
    });
    expect(written).toBeLessThan(FLOOD_BYTES / 4);
    gone.abort();
    await until("an end at the model", () => models.abandoned > before);
  });
});

test.each(["hub", "agent"] as const)("a picture in a question reaches the model by the %s", async (place) => {
  const url = `data:image/png;base64,${"A".repeat(5_000_000)}`;
  const content = [
    { type: "text", text: "whole" },
    { type: "image_url", image_url: { url } },
  ];
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const body = JSON.stringify({ model: "tiny", messages: [{ role: "user", content }] });
  const response = await fetch(`${base[place]}/v1/chat/completions`, { method: "POST", headers, body });
  expect([response.status, models.asked.at(-1)?.body]).toEqual([200, JSON.parse(body)]);
});

test("a program asks its agent more often than it may at once", async () => {
  const body = JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "whole" }] });
  const statuses = new Set<number>();
  for (let n = 0; n < 70; n++) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${base.agent}/v1/chat/completions`, { method: "POST", headers, body });
    await response.text();
    statuses.add(response.status);
  }
  expect([...statuses]).toEqual([200]);
});

async function ask(at: string, content: string) {
  const gone = new AbortController();
  const response = await fetch(`${at}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", stream: true, messages: [{ role: "user", content }] }),
    signal: gone.signal,
  });
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("a stream has a body");
  return { reader, gone };
}

function flood(): Response {
  const chunk = new TextEncoder().encode(CHUNK);
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      written += chunk.length;
      if (written > FLOOD_BYTES) return controller.close();
      controller.enqueue(chunk);
    },
  });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
