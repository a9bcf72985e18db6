// Many texts in one request for embeddings: frameworks send a thousand at once, whose answer is far longer than one
// message may be. They are asked for in several requests, one after the other and of one device as long as it is there,
// and answered as one. On the way they are in base64, a quarter of what numbers take.
import { z } from "zod";
import { answerJson } from "./answer-json.ts";
import { BASE64, inAskedFormat, inNumbers } from "./embedding-format.ts";
import { MusterError } from "./errors.ts";

export interface BatchAnswer {
  /** JSON text. */
  payload: string;
  device: string;
}

/** Rejects where there is none. `preferDevice`: who answered before. */
export type BatchAsker = (
  body: Readonly<Record<string, unknown>>,
  preferDevice: string | undefined,
) => Promise<BatchAnswer>;

/** So many of 4096 numbers each, as long as JSON writes them, are below the limit of one message. */
const AT_ONCE = 8;
/** The same in base64. */
const PER_REQUEST = 32;
/** As OpenAI's own (platform.openai.com/docs/api-reference/embeddings). */
const TEXTS_MAX = 2048;
/** Two thousand of 1536 numbers in base64. All of it is held until the last is there. */
const GATHERED_MAX_CHARACTERS = 16 * 1024 * 1024;

const texts = z.array(z.union([z.string(), z.array(z.number())]));
const answer = z.looseObject({
  data: z.array(z.looseObject({})),
  model: z.string().optional(),
  usage: z.looseObject({ prompt_tokens: z.number(), total_tokens: z.number() }).optional().catch(undefined),
});

/** The texts of a request that is to be asked in several; undefined for one that is not. */
export function textsIn(input: unknown): readonly unknown[] | undefined {
  const read = texts.safeParse(input);
  return read.success && read.data.length > AT_ONCE ? read.data : undefined;
}

/** Throws `invalid` for too many texts, `too_large` for too long an answer. */
export async function askInBatches(
  ask: BatchAsker,
  body: Readonly<Record<string, unknown>>,
  input: readonly unknown[],
): Promise<BatchAnswer> {
  if (input.length > TEXTS_MAX) {
    throw new MusterError("invalid", `there are ${input.length} texts; the most at once is ${TEXTS_MAX}`);
  }
  const isInBase64 = body["encoding_format"] === BASE64;
  /** The JSON of a batch's rows: all of them at once would hold everything else for long. */
  const rows: string[] = [];
  const devices = new Set<string>();
  const usage = { prompt_tokens: 0, total_tokens: 0 };
  let model: string | undefined;
  let gathered = 0;
  for (let from = 0; from < input.length; from += PER_REQUEST) {
    const batch = input.slice(from, from + PER_REQUEST);
    const preferred = [...devices].at(-1);
    const { payload, device } = await ask({ ...body, input: batch, encoding_format: BASE64 }, preferred);
    const read = answer.safeParse(answerJson(inAskedFormat(payload, BASE64, device), device));
    if (!read.success || read.data.data.length !== batch.length) {
      throw new MusterError("app_broken", `${device} did not answer with one embedding for each text`);
    }
    const numbered = read.data.data.map((row, at) => ({ ...row, index: from + at }));
    const text = JSON.stringify(isInBase64 ? numbered : numbered.map(inNumbers)).slice(1, -1);
    gathered += text.length;
    if (gathered > GATHERED_MAX_CHARACTERS) {
      throw new MusterError("too_large", "the embeddings of so many texts are too long for one answer", {
        hint: 'ask for fewer at once, or with `"encoding_format": "base64"`',
      });
    }
    rows.push(text);
    devices.add(device);
    model ??= read.data.model;
    usage.prompt_tokens += read.data.usage?.prompt_tokens ?? 0;
    usage.total_tokens += read.data.usage?.total_tokens ?? 0;
  }
  const rest = JSON.stringify({ ...(model === undefined ? {} : { model }), usage });
  const payload = `{"object":"list","data":[${rows.join(",")}],${rest.slice(1)}`;
  return { payload, device: [...devices].join(",") };
}
