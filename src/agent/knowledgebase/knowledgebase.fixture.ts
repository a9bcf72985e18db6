// Folders of texts on the real disk, and a knowledgebase over them whose time is the test's. What it makes is gone
// once `endAll` was called, which each file does after each test: a hook in here would be that of one file alone.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
import { Notices } from "../notices.ts";
import { Knowledgebase, type KnowledgebaseParts } from "./knowledgebase.ts";
import type { KnowledgebaseState } from "./knowledgebase-state.ts";
import type { SearchAnswer } from "./search-answer.ts";

const ended: (() => Promise<void> | void)[] = [];
export async function endAll(): Promise<void> {
  for (const end of ended.splice(0).toReversed()) await end();
}

export function atEnd(end: () => Promise<void> | void): void {
  ended.push(end);
}

export function folder(files: Readonly<Record<string, string>>): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "muster-texts-")));
  atEnd(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) write(path, name, text);
  return path;
}

export function write(path: string, name: string, text: string): void {
  mkdirSync(dirname(join(path, name)), { recursive: true });
  writeFileSync(join(path, name), text);
}

export interface Opened {
  made: Knowledgebase;
  time: FakeTime;
  notices: Notices;
  /** Paths of the files that were opened. */
  read: string[];
  search(q: string, limit?: number): Promise<SearchAnswer["items"]>;
  ask(params: object, waitMs?: number): Promise<SearchAnswer>;
  state(): Promise<KnowledgebaseState>;
}

export async function opened(
  folders: readonly string[],
  {
    indexPath = ":memory:",
    embedder = { whyNot: "nobody asked for it" },
  }: Partial<Pick<KnowledgebaseParts, "indexPath" | "embedder">> = {},
): Promise<Opened> {
  const read: string[] = [];
  const time = new FakeTime();
  const notices = new Notices();
  const made = await Knowledgebase.open({
    disk: { ...realWorld.disk, open: (path: string) => (read.push(path), realWorld.disk.open(path)) },
    clock: time,
    timers: { after: (delayMs, run) => time.after(delayMs, run), soon: (run) => realWorld.timers.soon(run) },
    crypto: nodeCrypto((length) => new Uint8Array(length)),
    log: SILENT_LOG,
    notices,
    openSqlite: (path) => realWorld.openSqlite(path),
    folders,
    indexPath,
    embedder,
  });
  atEnd(() => made.close());
  await made.look();
  const ask = (params: object, waitMs?: number): Promise<SearchAnswer> =>
    made.answers.SearchKnowledgebase(params, "all", waitMs);
  return {
    made,
    time,
    notices,
    read,
    ask,
    search: async (q, limit) => (await ask(limit === undefined ? { q } : { q, limit })).items,
    async state() {
      const answer = await made.queries["KnowledgebaseState"]?.({}, "all");
      return (answer as { items: [KnowledgebaseState] }).items[0]; // as the answer is documented
    },
  };
}

/** Lets time pass until it holds. */
export async function passUntil(
  what: string,
  time: FakeTime,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const { monotonic } = realWorld.clock;
  const endMs = monotonic() + 20_000;
  while (!(await holds())) {
    if (monotonic() > endMs) throw new Error(`no ${what}`);
    time.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
