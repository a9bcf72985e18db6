// A key is of one owner at a hub: the first whose log names it. Anybody may write any key into a log of their own, and
// would else lead astray what is looked up by key alone. Shared devices and grants to devices name others' keys by
// their nature, and give no right to what the hub keeps for them.
import type { OwnerLog } from "../identity/owner-log.ts";
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { parseCanonicalJson } from "../protocol/canonical-json.ts";
import { MusterError } from "../protocol/errors.ts";
import { ENTRY_BODIES, type OwnerLogEntry } from "../protocol/owner-log.ts";

/**
 * Throws `forbidden` for an entry that makes a key of another owner one of its own. `othersNaming`: the logs of others
 * in which a key, base64url, stands or has a grant.
 */
export function demandOwnKey(othersNaming: (key: string) => Iterable<OwnerLog>, entry: OwnerLogEntry): void {
  const named = keyNamedBy(entry);
  if (named === undefined) return;
  for (const other of othersNaming(toBase64Url(named.key))) {
    const known =
      named.as === "program"
        ? other.grants().some(({ holder, publicKey }) => holder === "program" && isSame(publicKey, named.key))
        : isItsOwn(other, named.key);
    if (known) throw new MusterError("forbidden", "this key belongs to another owner at this hub");
  }
}

function isItsOwn(log: OwnerLog, key: Uint8Array): boolean {
  const known = log.participant(key);
  return known !== undefined && known.sharedBy === undefined;
}

interface Named {
  as: "device" | "program";
  key: Uint8Array;
}

function keyNamedBy({ kind, body, by }: OwnerLogEntry): Named | undefined {
  const value = parseCanonicalJson(body);
  switch (kind) {
    case "begin":
      return device(by);
    case "controller":
    case "member":
    case "recover":
      return device(ENTRY_BODIES[kind].safeParse(value).data?.public_key);
    case "key": {
      const { data } = ENTRY_BODIES.key.safeParse(value);
      const key = data?.holder === "program" ? fromBase64Url(data.public_key) : undefined;
      return key === undefined ? undefined : { as: "program", key };
    }
    default:
      return undefined;
  }
}

function device(text: string | undefined): Named | undefined {
  const key = text === undefined ? undefined : fromBase64Url(text);
  return key === undefined ? undefined : { as: "device", key };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
