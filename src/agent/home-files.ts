// What the agent leaves in its home for the CLI: the token of the local API, which is made once, and
// agent.json, which is there only while somebody listens.
import type { RandomBytes } from "../identity/crypto.ts";
import { Secret } from "../identity/secret.ts";
import { fromUtf8, toBase64Url } from "../protocol/bytes.ts";
import { agentFile, type AgentFile } from "../protocol/local-api.ts";
import { checkPrivate } from "../store/private-files.ts";
import type { Disk } from "../world/world.ts";

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** The token of this home; made anew where there is none that could be one. Throws `state_unsafe`. */
export async function localToken(
  disk: Disk,
  path: string,
  randomBytes: RandomBytes,
): Promise<Secret<string>> {
  const info = await disk.info(path);
  if (info !== undefined) {
    checkPrivate(path, info);
    const known = (fromUtf8(await disk.read(path)) ?? "").trim();
    if (TOKEN.test(known)) return new Secret(known);
  }
  const made = toBase64Url(randomBytes(TOKEN_BYTES));
  await disk.write(path, `${made}\n`, 0o600);
  return new Secret(made);
}

export async function writeAgentFile(disk: Disk, path: string, file: AgentFile): Promise<void> {
  await disk.write(path, `${JSON.stringify(file, null, 2)}\n`, 0o600);
}

/** Removes it when it is still this agent's. */
export async function removeAgentFile(disk: Disk, path: string, pid: number): Promise<void> {
  if ((await disk.info(path)) === undefined) return;
  const read = agentFile.safeParse(parseJson(fromUtf8(await disk.read(path)) ?? ""));
  if (!read.success || read.data.pid === pid) await disk.remove(path);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no agent's file, so it may go
  }
}
