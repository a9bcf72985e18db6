// Tells those this device is paired with what it calls itself, once for each change: sealed and signed like all that
// is said between them. To them it is news and nothing more: they go by the key, and by their own name for it.
import type { Kysely } from "kysely";
import type { Post } from "../../client/peers/post.ts";
import type { PeerStore } from "../../client/peers/store.ts";
import { encodeControl } from "../../protocol/peer-control.ts";
import { getSetting, setSetting } from "../../store/settings.ts";
import type { StateDatabase } from "../state-migrations.ts";

const TOLD = "nickname_told";

export interface TellNicknameParts {
  db: Kysely<StateDatabase>;
  store: PeerStore;
  post: Pick<Post, "send">;
}

export async function tellNickname({ db, store, post }: TellNicknameParts, nickname: string): Promise<void> {
  const told = await getSetting(db, TOLD);
  if (told === nickname) return;
  // Written first: told twice would be news twice, and whoever misses it goes by the key all the same.
  await setSetting(db, TOLD, nickname);
  if (told === undefined) return;
  const body = encodeControl({ do: "nickname", nickname });
  for (const { key, state } of await store.peers.list()) {
    if (state !== "leaving") await post.send(key, "control", body);
  }
}
