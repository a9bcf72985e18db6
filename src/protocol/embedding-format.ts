// OpenAI's own clients ask for embeddings in base64 and take whatever comes for that (openai-node,
// resources/embeddings.ts), while many model servers answer with numbers all the same. So an answer is brought into the
// format that was asked for: 32-bit floats, little-endian, in base64.
import { z } from "zod";
import { answerJson } from "./answer-json.ts";
import { toBase64Url } from "./bytes.ts";

const numbers = z.array(z.number());

/** `payload`: the JSON of `device`'s answer. What is no list of numbers stays as it is. */
export function inAskedFormat(payload: string, format: unknown, device: string): string {
  if (format !== "base64") return payload;
  const answer = answerJson(payload, device);
  if (!isObject(answer) || !Array.isArray(answer["data"])) return payload;
  return JSON.stringify({ ...answer, data: (answer["data"] as unknown[]).map(inBase64) });
}

function inBase64(row: unknown): unknown {
  const read = isObject(row) ? numbers.safeParse(row["embedding"]) : undefined;
  if (!isObject(row) || read?.success !== true) return row;
  const bytes = new DataView(new ArrayBuffer(4 * read.data.length));
  for (const [at, value] of read.data.entries()) bytes.setFloat32(4 * at, value, true);
  return { ...row, embedding: toBase64(new Uint8Array(bytes.buffer)) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 4648 section 4. */
function toBase64(bytes: Uint8Array): string {
  const text = toBase64Url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(4 * Math.ceil(text.length / 4), "=");
}
