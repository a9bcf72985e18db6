// The knowledgebase with a model server, over real HTTP and a real disk.
import { afterEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { meaningServer } from "../../../test/fakes/meaning-model.ts";
import { refusal, type ModelServer, type ModelServerOptions } from "../../../test/fakes/model-server.ts";
import { realWorld } from "../../world/real.ts";
import type { Embedder } from "./embedder.ts";
import { endpointEmbedder } from "./endpoint-embedder.ts";
import { atEnd, endAll, folder, opened, passUntil, write, type Opened } from "./knowledgebase.fixture.ts";

afterEach(endAll);

const NOTES = {
  "router.md": "# The router\n\nIt stands in the cellar. When nothing works, pull its plug.\n",
  "baking.md": "# Sundays\n\nMix flour and water, knead it, and let the dough rest over night.\n",
  "health.txt": "Our physician is in on Mondays and Fridays.\n",
  "insurance.md": "# Insurance\n\nThe automobile is insured until December.\n",
};
const MODEL = "nomic-embed-text";

interface Server {
  server: ModelServer;
  models: { list: string[] };
  embedder: Embedder;
}

function serving(options: ModelServerOptions & { dimensions?: () => number } = {}): Server {
  const server = meaningServer(options);
  atEnd(() => server[Symbol.asyncDispose]());
  const models = { list: [MODEL] };
  const { network, timers } = realWorld;
  const endpoint = { baseUrl: server.url };
  return {
    server,
    models,
    embedder: endpointEmbedder({ network, timers, endpoint, models: () => models.list }),
  };
}

async function complete(knowledge: Opened): Promise<void> {
  const isComplete = async (): Promise<boolean> => (await knowledge.state()).embeddings === "complete";
  await passUntil("end of the embedding", knowledge.time, isComplete);
}

test("a question finds texts without a word of theirs, and the answer says how", async () => {
  const path = folder(NOTES);
  const { embedder } = serving();
  const knowledge = await opened([path], { embedder });
  await complete(knowledge);
  const answer = await knowledge.ask({ q: "reboot internet" });
  expect(answer.searched_by).toEqual(["words", "meaning"]);
  expect(answer.note).toBeUndefined();
  expect(answer.items).toHaveLength(1);
  expect(answer.items[0]).toMatchObject({
    title: "The router",
    path: expect.stringMatching(/\/router\.md$/),
    snippet: "# The router It stands in the cellar. When nothing works, pull its plug.",
    found_by: ["meaning"],
  });
  expect(answer.items[0]?.rank).toBeGreaterThan(0.25);
  const title = async (q: string): Promise<string | undefined> => (await knowledge.search(q))[0]?.title;
  expect(await title("vehicle")).toBe("Insurance");
  expect(await title("a loaf of bread")).toBe("Sundays");
  expect(await title("make an appointment")).toBe("health");
  expect(await knowledge.search("quantum")).toEqual([]);
});

test("what has the words stands where it stood, and higher where the meaning agrees", async () => {
  const path = folder({
    ...NOTES,
    "list.md": "# To buy\n\nA plug, a pan, paint, nails, soap, tape, a lamp.",
  });
  const { embedder } = serving();
  const byWords = await opened([path]);
  const byBoth = await opened([path], { embedder });
  await complete(byBoth);
  const plain = await byWords.search("plug");
  const fused = await byBoth.search("plug");
  for (const { id, rank } of plain) {
    expect(fused.find((item) => item.id === id)?.rank).toBeGreaterThanOrEqual(rank);
  }
  const asked = await byBoth.search("router plug");
  expect(asked[0]).toMatchObject({ title: "The router", found_by: ["words", "meaning"] });
  expect((await byBoth.search("router plug", 1)).map(({ id }) => id)).toEqual(
    asked.slice(0, 1).map(({ id }) => id),
  );
});

test("a model for which all texts are alike finds nothing", async () => {
  const vectors = (input: string[]) => input.map((text) => ({ embedding: [text.length, 0.5] }));
  const { embedder } = serving({
    answer: ({ body }) => Response.json({ data: vectors(body["input"] as string[]) }), // what the program sends
  });
  const knowledge = await opened([folder(NOTES)], { embedder });
  await complete(knowledge);
  expect(await knowledge.ask({ q: "reboot internet" })).toEqual({
    items: [],
    searched_by: ["words", "meaning"],
  });
});

test("without a model it is the words, and nothing waits for one", async () => {
  const { embedder, models } = serving();
  models.list = [];
  const knowledge = await opened([folder(NOTES)], { embedder });
  expect(await knowledge.ask({ q: "cellar" })).toMatchObject({
    items: [{ title: "The router", found_by: ["words"], rank: 1 }],
    searched_by: ["words"],
  });
  expect(await knowledge.state()).toMatchObject({
    texts: 4,
    embeddings: "waiting",
    embedded: 0,
    uncut_texts: 4,
  });
  const off = await opened([folder(NOTES)], { embedder: { whyNot: "the configuration says so" } });
  expect(await off.state()).toMatchObject({
    embeddings: "off",
    model: null,
    reason: "the configuration says so",
  });
});

test("when the model does not answer in time, the words do", async () => {
  let isHeld = false;
  const { embedder } = serving({ answer: () => (isHeld ? new Promise<Response>(() => {}) : undefined) });
  const knowledge = await opened([folder(NOTES)], { embedder });
  await complete(knowledge);
  isHeld = true;
  const answering = knowledge.ask({ q: "reboot router" });
  await Promise.resolve();
  knowledge.time.advance(1499);
  const early = await Promise.race([
    answering,
    new Promise((resolve) => setTimeout(resolve, 20, "nothing yet")),
  ]);
  expect(early).toBe("nothing yet");
  knowledge.time.advance(1);
  const answer = await answering;
  expect(answer).toMatchObject({
    items: [{ title: "The router", found_by: ["words"] }],
    searched_by: ["words"],
    note: "searched by words alone: the model server takes too long",
  });
  // Half of what the asker has, where that is less.
  const hurried = knowledge.ask({ q: "router" }, 600);
  await Promise.resolve();
  knowledge.time.advance(300);
  expect((await hurried).searched_by).toEqual(["words"]);
});

test("more searches than are made at once have their words at once", async () => {
  let isHeld = false;
  const { embedder, server } = serving({
    answer: () => (isHeld ? new Promise<Response>(() => {}) : undefined),
  });
  const knowledge = await opened([folder(NOTES)], { embedder });
  await complete(knowledge);
  isHeld = true;
  const before = server.asked.length;
  const held = Array.from({ length: 4 }, () => knowledge.ask({ q: "router" }));
  expect(await knowledge.ask({ q: "router" })).toMatchObject({
    items: [{ title: "The router" }],
    note: "searched by words alone: too many searches at once",
  });
  expect(server.asked.length - before).toBeLessThanOrEqual(4);
  knowledge.time.advance(1500);
  expect((await Promise.all(held)).map(({ items }) => items.length)).toEqual([1, 1, 1, 1]);
});

test("a model server that goes away, refuses or talks nonsense costs the meaning alone", async () => {
  let answer: (() => Response) | undefined;
  const { embedder, models, server } = serving({ answer: () => answer?.() });
  const knowledge = await opened([folder(NOTES)], { embedder });
  await complete(knowledge);
  const noteOf = async (): Promise<string | undefined> => {
    const { note, items } = await knowledge.ask({ q: "cellar" });
    expect(items).toHaveLength(1);
    return note;
  };
  answer = () => refusal(503, "still loading");
  expect(await noteOf()).toContain("still loading");
  answer = () => new Response("<html>");
  expect(await noteOf()).toContain("no JSON");
  answer = () => Response.json({ data: [{ embedding: [0, 0, 0] }] });
  expect(await noteOf()).toContain("no embedding");
  answer = undefined;
  expect(await noteOf()).toBeUndefined();
  models.list = ["another"];
  expect(await noteOf()).toBe(`searched by words alone: the model ${MODEL} is away`);
  models.list = [MODEL];
  await server[Symbol.asyncDispose]();
  expect(await noteOf()).toContain("does not answer");
});

test("a model that now makes longer vectors is noticed by a search, and all is embedded anew", async () => {
  let dimensions = 256;
  const { embedder } = serving({ dimensions: () => dimensions });
  const knowledge = await opened([folder(NOTES)], { embedder });
  await complete(knowledge);
  dimensions = 300;
  expect(await knowledge.ask({ q: "cellar" })).toMatchObject({
    searched_by: ["words"],
    note: expect.stringContaining("changed their length"),
  });
  await passUntil("new vectors", knowledge.time, async () => {
    const [found] = await knowledge.search("reboot internet");
    return found?.title === "The router";
  });
  await complete(knowledge);
  expect(await knowledge.state()).toMatchObject({ passages: 4, embedded: 4 });
});

test("changes of the folders are followed, by what changed alone", async () => {
  const path = folder(NOTES);
  const { embedder, server } = serving();
  const knowledge = await opened([path], { embedder });
  await complete(knowledge);
  const before = server.asked.length;
  rmSync(join(path, "router.md"));
  write(path, "moved/baking.md", NOTES["baking.md"]);
  rmSync(join(path, "baking.md"));
  write(path, "garage.md", "# Keys\n\nThose of the garage hang behind the door.\n");
  // The next look.
  knowledge.time.advance(60_000);
  await passUntil("the new text by its meaning", knowledge.time, async () => {
    const found = await knowledge.search("vehicle");
    return found.some(({ title }) => title === "Keys");
  });
  await complete(knowledge);
  expect(await knowledge.search("reboot internet")).toEqual([]);
  expect((await knowledge.search("a loaf"))[0]?.path).toEndWith("/moved/baking.md");
  const embedded = server.asked.slice(before).flatMap(({ body }) => body["input"] as string[]);
  expect(embedded.filter((text) => text.startsWith("search_document: "))).toEqual([
    "search_document: # Keys\n\nThose of the garage hang behind the door.",
  ]);
});

test("what is embedded outlives the agent, halfway too", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [`${n}.md`, `Note ${n} about nothing`]),
  );
  const path = folder({ ...files, ...NOTES });
  const indexPath = join(folder({}), "index.db");
  const { embedder, server } = serving();
  const first = await opened([path], { embedder, indexPath });
  await passUntil("the first vectors", first.time, async () => (await first.state()).embedded >= 4);
  const partly = await first.ask({ q: "note" });
  expect(partly.note).toMatch(/^searched by meaning in \d+ of 34 passages so far$/);
  await first.made.close();
  const before = server.asked.flatMap(({ body }) => body["input"] as string[]);
  const second = await opened([path], { embedder, indexPath });
  await complete(second);
  const all = server.asked.flatMap(({ body }) => body["input"] as string[]);
  const twice = all.slice(before.length).filter((text) => before.includes(text) && text.includes("Note"));
  expect(twice).toEqual([]);
  expect((await second.search("reboot internet"))[0]?.title).toBe("The router");
});

test("an end in the middle of a search ends it", async () => {
  let isHeld = false;
  const { embedder } = serving({ answer: () => (isHeld ? new Promise<Response>(() => {}) : undefined) });
  const knowledge = await opened([folder(NOTES)], { embedder });
  await complete(knowledge);
  isHeld = true;
  const answering = knowledge.ask({ q: "cellar" }).then(
    () => "answered",
    () => "failed",
  );
  await knowledge.made.close();
  expect(["answered", "failed"]).toContain(await answering);
});
