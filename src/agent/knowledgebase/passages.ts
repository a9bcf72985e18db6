// Cuts a text into passages, each about one thing and short enough for the small models: at headings, else between
// paragraphs, lines, sentences or words, whichever comes first. Pure.

export interface Passage {
  /** In code units of the text. */
  start: number;
  end: number;
}

/** About 300 tokens: models take 512 or more, and one vector says little of a longer text. */
const WEIGHT_MAX = 1200;
/** Behind this share of it a passage may end. */
const LEAST_SHARE = 0.25;
const ENDS = ["\n\n", "\n", "。", ". ", " "] as const;

export function passagesOf(text: string, countMax: number): Passage[] {
  const passages: Passage[] = [];
  let at = 0;
  while (at < text.length && passages.length < countMax) {
    const end = endFrom(text, at);
    const passage = trimmed(text, at, end);
    if (passage !== undefined) passages.push(passage);
    at = end;
  }
  return passages;
}

function endFrom(text: string, start: number): number {
  const farthest = reach(text, start);
  const least = start + Math.ceil((farthest - start) * LEAST_SHARE);
  const heading = text.slice(least, farthest).search(/\n#{1,6}[ \t]/);
  if (heading !== -1) return least + heading + 1;
  if (farthest === text.length) return farthest;
  for (const mark of ENDS) {
    const at = text.lastIndexOf(mark, farthest - mark.length);
    if (at >= least) return at + mark.length;
  }
  return isInsidePair(text, farthest) ? farthest - 1 : farthest;
}

/** Tokens are about four letters of ASCII, two of other alphabets, one of the scripts without any. */
function reach(text: string, start: number): number {
  let weight = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    weight += code < 0x80 ? 1 : code < 0x2e80 ? 2 : 3;
    if (weight > WEIGHT_MAX) return at;
  }
  return text.length;
}

function isInsidePair(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}

/** Undefined for what has neither letter nor digit. */
function trimmed(text: string, start: number, end: number): Passage | undefined {
  const part = text.slice(start, end);
  if (!/[\p{L}\p{N}]/u.test(part)) return undefined;
  return {
    start: start + (part.length - part.trimStart().length),
    end: end - (part.length - part.trimEnd().length),
  };
}
