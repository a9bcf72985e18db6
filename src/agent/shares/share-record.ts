// One share as the agent holds it: the row of what the user asked for, with the rarer flags read out of its
// JSON once, and what the gateway is told of it.
import { z } from "zod";
import { MusterError } from "../../protocol/errors.ts";
import type { ShareState } from "../../protocol/views.ts";
import type { AgentShareRow } from "../../store/agent-shares.ts";
import type { ShareTarget } from "../gateway/share-target.ts";

const flags = z.object({
  rewrite_host: z.boolean().default(false),
  insecure: z.boolean().default(false),
  allow_origins: z.array(z.string()).default([]),
  /** A person chose the word, so it may be guessable. */
  chosen_password: z.boolean().default(false),
  /** `add` was not done with it: whatever there is of it is undone at the next start. */
  unfinished: z.boolean().default(false),
  /** What carries it besides the hub. */
  link: z.enum(["hub", "named"]).default("hub"),
  /** File name of the app's log. */
  log: z.string().nullable().default(null),
});
export type ShareFlags = z.infer<typeof flags>;

/** `sh` and the text of `--run`. */
const command = z.array(z.string()).min(1);

export interface ShareRecord {
  readonly row: AgentShareRow;
  readonly flags: ShareFlags;
  /** Words of the command; null where somebody else runs it. */
  readonly command: readonly string[] | null;
}

/** Throws `state_corrupt` for a row that this program did not write. */
export function recordOf(row: AgentShareRow): ShareRecord {
  try {
    return {
      row,
      flags: flags.parse(JSON.parse(row.options)),
      command: row.command === null ? null : command.parse(JSON.parse(row.command)),
    };
  } catch (error) {
    throw new MusterError("state_corrupt", `the share "${row.name}" can't be read`, { cause: error });
  }
}

/** What the gateway serves; undefined for a row that lacks what its kind needs. */
export function targetOf({ row, flags, command: words }: ShareRecord): ShareTarget | undefined {
  const basics = {
    id: row.id,
    name: row.name,
    access: row.access,
    passwordVerifier: row.password_verifier,
    passwordVersion: row.password_version,
    chosenPassword: flags.chosen_password,
    proofKey: row.proof_key,
    insecure: flags.insecure,
    allowOrigins: flags.allow_origins,
    expiresAt: row.expires_at,
  };
  if (row.kind === "page") {
    return row.path === null ? undefined : { ...basics, kind: "page", path: row.path, spa: row.spa === 1 };
  }
  if (row.port === null) return undefined;
  const hasCommand = words !== null;
  return { ...basics, kind: "app", port: row.port, hasCommand, rewriteHost: flags.rewrite_host };
}

/** State of what the agent does not run itself: by what the last look at it showed. */
export function lookedAtState({ row }: ShareRecord, there: boolean): ShareState {
  if (row.wanted_running === 0) return "stopped";
  return there ? "running" : "waiting";
}
