// Against a real HTTP server, right and wrong.
import { afterEach, expect, test } from "bun:test";
import { meaningOf, meaningServer } from "../../../test/fakes/meaning-model.ts";
import { refusal, type ModelServer } from "../../../test/fakes/model-server.ts";
import { Secret } from "../../identity/secret.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
import { until } from "../plugins/plugin.fixture.ts";
import { endpointEmbedder, isOwnModel, isOwnServer } from "./endpoint-embedder.ts";

const servers: ModelServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

const WISH = { model: "nomic-embed-text", signal: new AbortController().signal };

function embedder(answer?: () => Response | Promise<Response>) {
  const server = meaningServer(answer === undefined ? {} : { answer });
  servers.push(server);
  const time = new FakeTime();
  const made = endpointEmbedder({
    network: realWorld.network,
    timers: time,
    endpoint: { baseUrl: server.url },
    models: () => [],
  });
  return { server, time, embed: (texts: string[], wish = WISH) => made.embed(texts, wish) };
}

const rows = (...embeddings: unknown[]): Response =>
  Response.json({ data: embeddings.map((embedding, index) => ({ index, embedding })) });
const problemOf = (work: Promise<unknown>): Promise<string> => work.then(() => "none", String);

test("each text has its vector, also where the server answers in another order", async () => {
  const { embed, server } = embedder();
  expect(await embed(["router", "bread"])).toEqual([meaningOf("router"), meaningOf("bread")]);
  expect(server.asked[0]?.body).toEqual({ model: "nomic-embed-text", input: ["router", "bread"] });
  const turned = embedder(() =>
    Response.json({ data: [1, 0].map((index) => ({ index, embedding: [index] })) }),
  );
  expect(await turned.embed(["a", "b"])).toEqual([[0], [1]]);
  const unnumbered = embedder(() => Response.json({ data: [{ embedding: [1] }, { embedding: [2] }] }));
  expect(await unnumbered.embed(["a", "b"])).toEqual([[1], [2]]);
});

test.each<[string, () => Response, string]>([
  ["no JSON", () => new Response("<html>"), "no JSON"],
  ["no list", () => Response.json({ embeddings: [[1]] }), "not one embedding for each of 2 texts"],
  ["null", () => Response.json(null), "not one embedding for each"],
  ["too few", () => rows([1]), "not one embedding for each"],
  ["too many", () => rows([1], [1], [1]), "not one embedding for each"],
  ["different lengths", () => rows([1, 2], [1]), "different lengths"],
  ["no numbers", () => rows([1, null], [1, 2]), "no embedding"],
  ["empty ones", () => rows([], []), "no embedding"],
  ["texts", () => rows("AACAPw==", "AACAPw=="), "no embedding"],
  ["far too many numbers", () => rows(Array(9000).fill(1), [1]), "no embedding"],
  [
    "one twice",
    () => Response.json({ data: [0, 0].map((index) => ({ index, embedding: [1] })) }),
    "other texts",
  ],
  [
    "others",
    () => Response.json({ data: [0, 7].map((index) => ({ index, embedding: [1] })) }),
    "other texts",
  ],
  ["more than fits", () => new Response(" ".repeat(9 * 1024 * 1024)), "too long"],
  ["a refusal", () => refusal(500, "input is too large"), "input is too large"],
  ["that it is busy", () => refusal(429, "slow down"), "slow down"],
])("a server that answers %s has failed", async (_, answer, problem) => {
  expect(await problemOf(embedder(answer).embed(["a", "b"]))).toContain(problem);
});

test("a server that is away, is too slow or breaks off has failed", async () => {
  const away = embedder();
  await servers.pop()?.[Symbol.asyncDispose]();
  expect(await problemOf(away.embed(["a"]))).toContain("does not answer");

  const slow = embedder(() => new Promise<Response>(() => {}));
  const waiting = problemOf(slow.embed(["a"]));
  await until("the question", () => slow.server.asked.length === 1);
  slow.time.advance(60_000);
  expect(await waiting).toContain("takes too long");

  const left = new AbortController();
  const given = embedder(() => new Promise<Response>(() => {}));
  const work = problemOf(given.embed(["a"], { ...WISH, signal: left.signal }));
  await until("the question", () => given.server.asked.length === 1);
  left.abort();
  expect(await work).toContain("does not answer");
  await until("its end", () => given.server.abandoned === 1);
});

test("texts stay here only at a loopback address without a key", () => {
  for (const host of ["127.0.0.1:11434", "localhost:8080", "[::1]:1", "127.9.9.9", "models.localhost"]) {
    expect(isOwnServer({ baseUrl: `http://${host}/v1` })).toBe(true);
  }
  for (const baseUrl of [
    "https://api.openai.com/v1",
    "http://10.0.0.5:11434/v1",
    "http://localhost.example.com/v1",
    "http://127.0.0.1.nip.io/v1",
    "http://127.0.0.1@example.com/v1",
    "nonsense",
  ]) {
    expect(isOwnServer({ baseUrl })).toBe(false);
  }
  expect(isOwnServer({ baseUrl: "http://127.0.0.1:4000/v1", apiKey: new Secret("sk") })).toBe(false);
  expect(isOwnModel("nomic-embed-text:latest")).toBe(true);
  expect(isOwnModel("some-embedding:8b-cloud")).toBe(false);
  expect(isOwnModel("some-embedding:cloud")).toBe(false);
});
