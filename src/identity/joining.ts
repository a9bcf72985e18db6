// What a device that joins by a code signs, what the hub checks of it, and the words that two people compare: the
// hub carries the device's key to the controller that lets it in, and the words show whether it is the same.
import { concat, fromBase64Url, lv, toBase64Url, utf8 } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import type { JoiningDevice } from "../protocol/joining-api.ts";
import { safetyWords } from "../protocol/safety-words.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { sshHostKeysHash } from "./owner-log-rules.ts";
import { isStrictKey } from "./strict-key.ts";

export interface JoiningKeys {
  publicKey: Uint8Array;
  linkKey: Uint8Array;
}

interface Claim {
  code: string;
  hubKey: Uint8Array;
  device: Omit<JoiningDevice, "version">;
}

/** By the device's own key, over the code that it was given and all that it says of itself. */
export async function signJoining(crypto: Crypto, signer: Signer, claim: Claim): Promise<string> {
  return toBase64Url(await signer.sign(joiningBytes(crypto, claim)));
}

export function isJoiningSigned(crypto: Crypto, claim: Claim, signature: string): boolean {
  const { publicKey } = joiningKeys(claim.device);
  const bytes = fromBase64Url(signature);
  return bytes?.length === 64 && crypto.verifyEd25519(publicKey, joiningBytes(crypto, claim), bytes);
}

/** Throws `bad_request` for what are no keys. */
export function joiningKeys({
  public_key,
  link_key,
}: Pick<JoiningDevice, "public_key" | "link_key">): JoiningKeys {
  const publicKey = fromBase64Url(public_key);
  const linkKey = fromBase64Url(link_key);
  if (publicKey?.length === 32 && linkKey?.length === 32 && isStrictKey(publicKey))
    return { publicKey, linkKey };
  throw new MusterError("bad_request", "the device's keys are none");
}

/** Five words of both of the device's keys and the hub's: 55 bits. */
export function joiningWords(crypto: Crypto, keys: JoiningKeys & { hubKey: Uint8Array }): string[] {
  const parts = [utf8("muster/v1/joining words"), keys.hubKey, keys.publicKey, keys.linkKey];
  return safetyWords(crypto.sha256(concat(...parts.map(lv))));
}

function joiningBytes(crypto: Crypto, { code, hubKey, device }: Claim): Uint8Array {
  const { publicKey, linkKey } = joiningKeys(device);
  const { name, kind, platform } = device;
  return signedBytes("claim", {
    logId: crypto.sha256(utf8(code)),
    // Nothing of a log is claimed: entry 0 is never an invite.
    invite: 0,
    publicKey,
    linkKey,
    sshHostKeysHash: sshHostKeysHash(crypto, []),
    name,
    kind,
    platform,
    hubKey,
  });
}
