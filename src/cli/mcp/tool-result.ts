// What a tool's answer looks like to the assistant: the same facts as text and as structured content, without control
// characters and never longer than fits. What was left out is said.

import type { CallToolResult } from "@modelcontextprotocol/server";
import { publicError, type MusterError } from "../../protocol/errors.ts";
import { plainLine, stripControl } from "../plain-text.ts";
import { systemError } from "../system-error.ts";
import type { ToolAnswer } from "./tool.ts";

/** About ten thousand tokens: an assistant has to keep all of it in mind. */
const FACTS_MAX_CHARACTERS = 40_000;
/** Of what a program wrote. */
export const TEXT_MAX_CHARACTERS = 32 * 1024;
/** Of one text among the facts, where all of them together are too long. */
const SHORT_CHARACTERS = 2_000;
/** Nothing honest is deeper. */
const DEPTH_MAX = 32;

/** Characters that no one sees and a model reads all the same. */
const UNSEEN = /[\u200b\u2060\ufeff\u{e0000}-\u{e0fff}]/gu;

export function toolResult({ facts, text }: ToolAnswer): CallToolResult {
  const fitting = fitted(facts);
  const content = [textOf(JSON.stringify(fitting))];
  if (text === undefined) return { content, structuredContent: fitting };
  const shown = outputText(text);
  if (shown !== "") content.push(textOf(shown));
  return { content, structuredContent: { ...fitting, text: shown } };
}

/** For the assistant, which tells its person. What is internal stays so. */
export function toolFailure(thrown: unknown): { result: CallToolResult; error: MusterError } {
  const error = publicError(systemError(thrown));
  const message = modelText(plainLine(error.message)).slice(0, SHORT_CHARACTERS);
  const hint = error.hint === undefined ? null : modelText(plainLine(error.hint)).slice(0, SHORT_CHARACTERS);
  const lines = [`${error.code}: ${message}`, ...(hint === null ? [] : [`hint: ${hint}`])];
  return {
    error,
    result: {
      isError: true,
      content: [textOf(lines.join("\n"))],
      structuredContent: { error: { code: error.code, message, hint } },
    },
  };
}

/** The end of it, on lines of its own. */
function outputText(text: string): string {
  const lines = modelText(stripControl(text.replaceAll(/\r\n?/g, "\n")));
  return lines.length > TEXT_MAX_CHARACTERS ? lines.slice(-TEXT_MAX_CHARACTERS) : lines;
}

function textOf(text: string): { type: "text"; text: string } {
  return { type: "text", text };
}

function modelText(text: string): string {
  return text.replaceAll(UNSEEN, "");
}

function fitted(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain = plainFacts(facts, Number.POSITIVE_INFINITY);
  if (fits(plain)) return plain;
  const short = plainFacts(facts, SHORT_CHARACTERS);
  if (fits(short)) return short;
  return withoutTail(short) ?? { cut: JSON.stringify(short).slice(0, FACTS_MAX_CHARACTERS / 2) };
}

/** As many of the longest list as fit; undefined where that is not what is long. */
function withoutTail(facts: Record<string, unknown>): Record<string, unknown> | undefined {
  const lists = Object.entries(facts).filter((entry): entry is [string, unknown[]] =>
    Array.isArray(entry[1]),
  );
  const [name, list] = lists.toSorted(([, one], [, other]) => lengthOf(other) - lengthOf(one))[0] ?? [];
  if (name === undefined || list === undefined) return undefined;
  let room = FACTS_MAX_CHARACTERS - 100 - lengthOf({ ...facts, [name]: [] });
  const kept = list.findIndex((item) => (room -= lengthOf(item) + 1) < 0);
  if (kept < 1) return undefined;
  return { ...facts, [name]: list.slice(0, kept), left_out: list.length - kept };
}

function fits(value: object): boolean {
  return lengthOf(value) <= FACTS_MAX_CHARACTERS;
}

function lengthOf(value: unknown): number {
  return JSON.stringify(value).length;
}

function plainFacts(
  facts: Readonly<Record<string, unknown>>,
  maxCharacters: number,
): Record<string, unknown> {
  const plain = (value: unknown, depth: number): unknown => {
    if (typeof value === "string") return shortened(modelText(stripControl(value)), maxCharacters);
    if (typeof value !== "object" || value === null) return value ?? null;
    if (depth === DEPTH_MAX) return "…";
    if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
    return fields(value, depth + 1);
  };
  const fields = (value: object, depth: number): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(value)
        .filter(([, inner]) => inner !== undefined)
        .map(([key, inner]) => [shortened(modelText(plainLine(key)), SHORT_CHARACTERS), plain(inner, depth)]),
    );
  return fields(facts, 0);
}

function shortened(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  return `${text.slice(0, maxCharacters)}… (${text.length - maxCharacters} more characters)`;
}
