// The gateway's own secret, which vouches for visitors' cookies. Kept, so that visitors stay let in across
// restarts; it never leaves the device, and a lost one only means that passwords are asked for again.
import type { Kysely } from "kysely";
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import type { CommonDatabase } from "../store/common-schema.ts";
import { getSetting, setSetting } from "../store/settings.ts";
import type { Random } from "../world/world.ts";

const KEY_BYTES = 32;
const SETTING = "gateway_key";

export async function gatewayKey(
  db: Kysely<CommonDatabase>,
  random: Pick<Random, "bytes">,
): Promise<Uint8Array> {
  const kept = await getSetting(db, SETTING);
  const known = typeof kept === "string" ? fromBase64Url(kept) : undefined;
  if (known?.length === KEY_BYTES) return known;
  const made = random.bytes(KEY_BYTES);
  await setSetting(db, SETTING, toBase64Url(made));
  return made;
}
