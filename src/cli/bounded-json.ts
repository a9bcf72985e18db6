// JSON from a file or a response, as `unknown` and never more than a bound.

import { MusterError, systemCode } from "../protocol/errors.ts";
import type { Disk } from "../world/world.ts";

const FILE_MAX_BYTES = 64 * 1024;

/** Undefined when the file is missing, too large or no JSON: then it says nothing. */
export async function readJsonFile(disk: Pick<Disk, "read" | "info">, path: string): Promise<unknown> {
  try {
    const info = await disk.info(path);
    if (info === undefined || info.kind !== "file" || info.size > FILE_MAX_BYTES) return undefined;
    return parseJson(new TextDecoder().decode(await disk.read(path)));
  } catch (thrown) {
    if (systemCode(thrown) === "ENOENT") return undefined; // removed between the two calls
    throw new MusterError("state_unsafe", `"${path}" can't be read`, { cause: thrown });
  }
}

/** Rejects with `too_large` over `maxBytes`; undefined when it is no JSON. */
export async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes)
      throw new MusterError("too_large", `an answer of over ${maxBytes} bytes was refused`);
    text += decoder.decode(chunk, { stream: true });
  }
  return parseJson(text + decoder.decode());
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller checks the shape, and no JSON has none
  }
}
