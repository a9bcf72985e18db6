// One search by words and by meaning over a full knowledgebase, without a model: what reading and comparing all
// vectors costs, how long nothing else is done meanwhile, and what it leaves in memory.
//
//   bun bench/texts-micro.ts [dimensions] [passages]
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MeaningSearch } from "../src/agent/knowledgebase/meaning-search.ts";
import { PassageIndex } from "../src/agent/knowledgebase/passage-index.ts";
import { answerSearch } from "../src/agent/knowledgebase/search-answer.ts";
import { TextIndex } from "../src/agent/knowledgebase/text-index.ts";
import { packVector } from "../src/agent/knowledgebase/vectors.ts";
import { nodeCrypto } from "../src/identity/crypto-node.ts";
import { realWorld } from "../src/world/real.ts";

const dimensions = Number(process.argv[2] ?? 768);
const count = Number(process.argv[3] ?? 50_000);
const PER_TEXT = 10;
const SEARCHES = 8;

const folder = mkdtempSync(join(tmpdir(), "muster-bench-"));
const path = join(folder, "index.db");
const crypto = nodeCrypto((length) => new Uint8Array(length));
const db = realWorld.openSqlite(path);
const texts = new TextIndex(db);
const passages = new PassageIndex(db, crypto);

const vector = (): number[] => Array.from({ length: dimensions }, () => Math.random() - 0.2);
const packed = (): Uint8Array => packVector(vector()) ?? new Uint8Array();
/** Some words are in every text, most in few. */
const words = (many: number): string =>
  Array.from({ length: many }, () => `w${Math.floor(Math.random() ** 2 * 4000)}`).join(" ");

for (let at = 0; at < count / PER_TEXT; at += 1) {
  const body = Array.from({ length: PER_TEXT }, () => `${words(190)}.`).join("\n\n");
  const name = `text ${at}`;
  texts.change({ put: [{ path: name, shown: name, title: name, body, size: 1, modifiedAt: 1 }], remove: [] });
}
const bytesOfTexts = statSync(path).size;
passages.begin({ model: "m", dimensions, yardsticks: Array.from({ length: 16 }, packed) });
while (passages.cutSome(8));
for (;;) {
  const batch = passages.pending(32);
  if (batch.length === 0) break;
  passages.keep(batch.map(({ hash }) => ({ hash, vector: packed() })));
}
const { embedded } = passages.counts();
const vectorMb = (statSync(path).size - bytesOfTexts) / 1e6;
console.log(`${embedded} passages of ${dimensions} numbers: ${vectorMb.toFixed(0)} MB on the disk`);

const search = new MeaningSearch({
  index: passages,
  embedder: { models: () => ["m"], isChosen: true, embed: () => Promise.resolve([vector()]) },
  embedding: { yieldTo: (work) => work, doubt() {} },
  timers: realWorld.timers,
});
const { clock } = realWorld;
for (let round = 0; round < SEARCHES; round += 1) {
  let gapMs = 0;
  let lastMs = clock.monotonic();
  const beat = setInterval(() => {
    gapMs = Math.max(gapMs, clock.monotonic() - lastMs);
    lastMs = clock.monotonic();
  }, 1);
  const beganAtMs = clock.monotonic();
  await answerSearch({ crypto, texts, byMeaning: { passages, search } }, { q: words(2) }, 60_000);
  const tookMs = clock.monotonic() - beganAtMs;
  clearInterval(beat);
  const { heapUsed } = process.memoryUsage();
  console.log(
    `${tookMs.toFixed(0)} ms, the loop stood still for ${gapMs.toFixed(0)} ms at most, heap ${(heapUsed / 1e6).toFixed(0)} MB`,
  );
}
db.close();
rmSync(folder, { recursive: true });
