// The answer to `SearchKnowledgebase`: what the words find, and where this device embeds its texts, what the meaning
// finds as well. It says which of both it was, and the words never wait long for the other.
import { z } from "zod";
import type { Crypto } from "../../identity/crypto.ts";
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { QUERY_WAIT_MS } from "../../protocol/query-messages.ts";
import { fuse, type Fused } from "./fused-search.ts";
import type { MeaningAnswer, MeaningSearch } from "./meaning-search.ts";
import type { PassageIndex } from "./passage-index.ts";
import type { TextIndex } from "./text-index.ts";

export interface SearchParts {
  crypto: Pick<Crypto, "sha256">;
  texts: TextIndex;
  /** Absent: by words alone. */
  byMeaning?: { passages: PassageIndex; search: Pick<MeaningSearch, "find"> } | undefined;
}

interface Item {
  id: string;
  title: string;
  path: string;
  snippet: string;
  /** 0 to 1. */
  rank: number;
  found_by: Way[];
  updated_at: string;
}

type Way = "words" | "meaning";

export interface SearchAnswer {
  items: Item[];
  searched_by: Way[];
  /** What it could not do, for the person who asks. */
  note?: string;
}

const LIMIT_MAX = 100;
const LIMIT_USUAL = 20;
/** So many by each way: what is far down in both lists may be high in one of both. */
const CANDIDATES = 50;
const MEANING_WAIT_MS = 1500;
/** Of the time that the asker waits for all. */
const MEANING_SHARE = 0.5;
const SNIPPET_MAX_CHARACTERS = 240;

const search = z.strictObject({
  q: z.string().min(1).max(1000),
  limit: z.number().int().min(1).max(LIMIT_MAX).optional(),
});

export async function answerSearch(
  parts: SearchParts,
  params: unknown,
  waitMs = QUERY_WAIT_MS,
): Promise<SearchAnswer> {
  const read = search.safeParse(params);
  if (!read.success) {
    throw new MusterError("invalid", `q must be a text, and limit a number from 1 to ${LIMIT_MAX}`);
  }
  const { q, limit = LIMIT_USUAL } = read.data;
  const count = Math.max(limit, CANDIDATES);
  const meaningWaitMs = Math.min(MEANING_WAIT_MS, waitMs * MEANING_SHARE);
  const meant = await parts.byMeaning?.search.find(q, { count, waitMs: meaningWaitMs });
  const close = meant !== undefined && "found" in meant ? meant.found : undefined;
  const words = parts.texts.search(q, close === undefined ? limit : count);
  const items = fuse(words, close ?? [], limit).flatMap((each) => itemOf(parts, each) ?? []);
  const note = noteOf(meant);
  return {
    items,
    searched_by: close === undefined ? ["words"] : ["words", "meaning"],
    ...(note === undefined ? {} : { note }),
  };
}

function noteOf(meant: MeaningAnswer | undefined): string | undefined {
  if (meant === undefined) return undefined;
  return "missing" in meant ? `searched by words alone: ${meant.missing}` : meant.note;
}

/** Undefined for a text that is gone by now. */
function itemOf(parts: SearchParts, { document, rank, words, close }: Fused): Item | undefined {
  const placed =
    words === undefined && close !== undefined
      ? parts.byMeaning?.passages.placed(document, close.meaning)
      : undefined;
  const shown = words ?? (placed && { ...placed, path: placed.shown, snippet: snippetOf(placed.text) });
  if (shown === undefined) return undefined;
  const { title, path, snippet, modifiedAt } = shown;
  return {
    // The same as long as the text has its place.
    id: toBase64Url(parts.crypto.sha256(utf8(path)).slice(0, 12)),
    title,
    path,
    snippet,
    rank,
    found_by: [
      ...(words === undefined ? [] : ["words" as const]),
      ...(close === undefined ? [] : ["meaning" as const]),
    ],
    updated_at: new Date(modifiedAt).toISOString(),
  };
}

function snippetOf(passage: string): string {
  const text = passage.replaceAll(/\s+/g, " ").trim();
  return text.length <= SNIPPET_MAX_CHARACTERS
    ? text
    : `${text.slice(0, SNIPPET_MAX_CHARACTERS).toWellFormed()}…`;
}
