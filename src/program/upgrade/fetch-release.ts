// What an upgrade asks of the hub: the manifest with its signature, then one program. The hub is believed in
// nothing; every answer has a bound.
import { MusterError } from "../../protocol/errors.ts";
import {
  MANIFEST_MAX_BYTES,
  MANIFEST_NAME,
  SIGNATURE_MAX_BYTES,
  SIGNATURE_NAME,
  type ReleasePlatform,
} from "../../protocol/release.ts";
import type { SignedManifest } from "./manifest.ts";

/** One request; redirects are not followed. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ReleaseSource {
  fetch: Fetch;
  hubUrl: string;
  stop: AbortSignal;
}

const ASK_TIMEOUT_MS = 15_000;
/** 120 MB at 200 KB/s, and a hub that has to build it first. */
const PROGRAM_TIMEOUT_MS = 15 * 60_000;

export async function fetchManifest(source: ReleaseSource): Promise<SignedManifest> {
  const bytes = await fetchSmall(source, MANIFEST_NAME, MANIFEST_MAX_BYTES);
  const signature = await fetchSmall(source, SIGNATURE_NAME, SIGNATURE_MAX_BYTES);
  return { bytes, signature: new TextDecoder().decode(signature) };
}

/** The bytes as they come; whoever reads them counts and checks. */
export async function fetchProgram(
  source: ReleaseSource,
  platform: ReleasePlatform,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await ask(source, platform, PROGRAM_TIMEOUT_MS);
  return body ?? emptyBody();
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

async function fetchSmall(source: ReleaseSource, name: string, mostBytes: number): Promise<Uint8Array> {
  const response = await ask(source, name, ASK_TIMEOUT_MS);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? emptyBody()) {
    length += part.length;
    if (length > mostBytes) throw noRelease(source, `its ${name} is longer than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function ask(source: ReleaseSource, name: string, timeoutMs: number): Promise<Response> {
  const { hubUrl, stop } = source;
  const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
  let response: Response;
  try {
    response = await source.fetch(`${hubUrl}/download/${name}`, { signal, redirect: "manual" });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MusterError("hub_unreachable", `can't reach the hub at ${hubUrl}: ${why}`, {
      hint: "check that this machine is online: `muster status`",
      cause: error,
    });
  }
  if (response.status === 200) return response;
  await response.body?.cancel();
  throw noRelease(source, `${name} answers with status ${response.status}`);
}

function noRelease({ hubUrl }: ReleaseSource, why: string): MusterError {
  return new MusterError("not_found", `the hub at ${hubUrl} offers no signed release: ${why}`, {
    hint: "on the hub, `npm run release` with MUSTER_RELEASE_KEY makes one",
  });
}
