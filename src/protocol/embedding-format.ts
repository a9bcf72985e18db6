// OpenAI's own clients ask for embeddings in base64 and take whatever comes for that (openai-node,
// resources/embeddings.ts), while many model servers answer with numbers all the same. So an answer is brought into the
// format that was asked for: 32-bit floats, little-endian, in base64.
import { z } from "zod";
import { answerJson } from "./answer-json.ts";

export const BASE64 = "base64";
const numbers = z.array(z.number());

/** `payload`: the JSON of `device`'s answer. What is no list of numbers stays as it is. */
export function inAskedFormat(payload: string, format: unknown, device: string): string {
  return format === BASE64 ? JSON.stringify(listInBase64(answerJson(payload, device))) : payload;
}

/** The same of an answer that was read. */
export function listInBase64(answer: unknown): unknown {
  if (!isObject(answer) || !Array.isArray(answer["data"])) return answer;
  return { ...answer, data: (answer["data"] as unknown[]).map(inBase64) };
}

function inBase64(row: unknown): unknown {
  const read = isObject(row) ? numbers.safeParse(row["embedding"]) : undefined;
  if (!isObject(row) || read?.success !== true) return row;
  const bytes = new DataView(new ArrayBuffer(4 * read.data.length));
  for (const [at, value] of read.data.entries()) bytes.setFloat32(4 * at, value, true);
  return { ...row, embedding: new Uint8Array(bytes.buffer).toBase64() };
}

/** Back again; what is no such row stays as it is. */
export function inNumbers(row: object): object {
  const text = "embedding" in row ? row.embedding : undefined;
  const bytes = typeof text === "string" ? fromBase64(text) : undefined;
  if (bytes === undefined || bytes.length % 4 !== 0) return row;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = bytes.length / 4;
  return { ...row, embedding: Array.from({ length }, (_, at) => view.getFloat32(4 * at, true)) };
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
