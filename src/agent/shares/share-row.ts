// The row of a share that is being added, made of the wish. It begins unfinished.
import type { AddShare } from "../../protocol/local-api.ts";
import type { AgentShareRow } from "../../store/agent-shares.ts";
import { newRowId } from "../../store/row-id.ts";
import type { Random } from "../../world/world.ts";
import type { ShareFlags } from "./share-record.ts";
import type { ShareWish } from "./share-wish.ts";

const PROOF_KEY_BYTES = 32;

export interface RowFacts {
  wish: ShareWish;
  asked: AddShare;
  /** argon2id verifier of its password. */
  verifier: string | null;
  name: string;
  nowMs: number;
}

export function newShareRow(random: Pick<Random, "bytes">, facts: RowFacts): AgentShareRow {
  const { wish, asked, verifier, name, nowMs } = facts;
  const flags: ShareFlags = {
    rewrite_host: asked.rewrite_host ?? false,
    insecure: asked.insecure ?? false,
    allow_origins: asked.allow_origins ?? [],
    chosen_password: wish.password?.chosen ?? false,
    link: asked.link ?? "hub",
    unfinished: true,
    // Named for people; a failed try leaves it behind to be read, and the next one of that name goes on in it.
    log: wish.command === null ? null : `app-${name}.log`,
  };
  return {
    id: newRowId(random),
    name,
    label: null,
    url: null,
    kind: wish.kind,
    path: wish.path,
    command: wish.command === null ? null : JSON.stringify(wish.command),
    port: wish.port,
    access: asked.access,
    password_verifier: verifier,
    password_version: 1,
    proof_key: random.bytes(PROOF_KEY_BYTES),
    expires_at: wish.expiresInMs === null ? null : nowMs + wish.expiresInMs,
    spa: asked.spa === true ? 1 : 0,
    description: asked.description ?? null,
    created_at: nowMs,
    wanted_running: 1,
    options: JSON.stringify(flags),
  };
}
