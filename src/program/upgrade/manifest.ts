// The manifest of a release: how it is signed, and what makes one acceptable to a program that runs. The
// signature is checked over the file's bytes with the key that was compiled in, before any of it is believed;
// then only a higher version that was released later is taken.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { compareVersions, releaseManifest, type ReleaseManifest } from "../../protocol/release.ts";
import { signedBytes } from "../../protocol/signed.ts";
import type { BuildFacts } from "./build-facts.ts";

export interface SignedManifest {
  /** Of manifest.json, exactly. */
  bytes: Uint8Array;
  /** Of manifest.sig. */
  signature: string;
}

/** The text of manifest.sig. */
export async function signManifest(
  crypto: Pick<Crypto, "sha256">,
  signer: Signer,
  bytes: Uint8Array,
): Promise<string> {
  const manifest = parseManifest(bytes);
  if (manifest === undefined) throw new Error("that is no manifest");
  return `${toBase64Url(await signer.sign(coveredBytes(crypto, manifest, bytes)))}\n`;
}

/** Throws `bad_signature`, and says why: no word of the manifest is to be shown before that. */
export function openManifest(
  crypto: Pick<Crypto, "sha256" | "verifyEd25519">,
  releaseKey: string,
  { bytes, signature }: SignedManifest,
): ReleaseManifest {
  const key = fromBase64Url(releaseKey);
  const signed = fromBase64Url(signature.trim());
  const manifest = parseManifest(bytes);
  if (key === undefined || signed === undefined || manifest === undefined) throw notSigned();
  if (!crypto.verifyEd25519(key, coveredBytes(crypto, manifest, bytes), signed)) throw notSigned();
  return manifest;
}

export type Offer =
  | { state: "newer"; manifest: ReleaseManifest }
  | { state: "current"; manifest: ReleaseManifest };

/** Whether to take it. Throws `upgrade_refused` for a step back, in version or in time. */
export function weighOffer(
  manifest: ReleaseManifest,
  running: { version: string; build: Pick<BuildFacts, "releasedAt"> },
): Offer {
  const order = compareVersions(manifest.version, running.version);
  if (order === 0) return { state: "current", manifest };
  if (order === undefined || order < 0) {
    throw new MusterError(
      "upgrade_refused",
      `the hub offers version ${manifest.version}, and this is ${running.version}: only a higher one is taken`,
      { hint: "the hub's releases are older than this program; put the newer ones there" },
    );
  }
  if (Date.parse(manifest.released_at) <= running.build.releasedAt) {
    throw new MusterError(
      "upgrade_refused",
      `the hub's manifest for ${manifest.version} is of ${manifest.released_at}, older than this program`,
      { hint: "somebody may be offering an old release; nothing was changed" },
    );
  }
  return { state: "newer", manifest };
}

function coveredBytes(
  crypto: Pick<Crypto, "sha256">,
  { version, released_at }: ReleaseManifest,
  bytes: Uint8Array,
): Uint8Array {
  return signedBytes("release", {
    version,
    releasedAt: Date.parse(released_at),
    manifestHash: crypto.sha256(bytes),
  });
}

function parseManifest(bytes: Uint8Array): ReleaseManifest | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const read = releaseManifest.safeParse(JSON.parse(text));
    return read.success ? read.data : undefined;
  } catch {
    return undefined; // not text, or no JSON
  }
}

function notSigned(): MusterError {
  return new MusterError(
    "bad_signature",
    "the hub's release is not signed by the key that this program trusts",
    {
      hint: "nothing was changed; to trust this hub's programs from now on, install from it: HUB/install.sh",
    },
  );
}
