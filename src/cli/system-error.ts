// What the system refused, in words: a folder that may not be written is no internal error. Only failures that
// name a path are told; any other stays what it is.

import { MusterError, systemCode } from "../protocol/errors.ts";

const REASONS: ReadonlyMap<string, { says: string; hint: string }> = new Map([
  [
    "EACCES",
    { says: "this user may not use it", hint: "give it to this user, or set MUSTER_HOME to another" },
  ],
  [
    "EPERM",
    { says: "this user may not use it", hint: "give it to this user, or set MUSTER_HOME to another" },
  ],
  [
    "EROFS",
    { says: "the file system is read-only", hint: "mount it for writing, or set MUSTER_HOME to another" },
  ],
  [
    "ENOTDIR",
    { says: "a part of it is no folder", hint: "move the file away, or set MUSTER_HOME to another" },
  ],
  ["EEXIST", { says: "something else is there", hint: "move it away, or set MUSTER_HOME to another" }],
  ["ENAMETOOLONG", { says: "the name is too long", hint: "set MUSTER_HOME to a shorter one" }],
  ["ENOSPC", { says: "the disk is full", hint: "free some space and try again" }],
  ["EDQUOT", { says: "this user's share of the disk is used up", hint: "free some space and try again" }],
]);

/** The thrown value itself, or the MusterError that stands for it. */
export function systemError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof MusterError) return thrown;
  const reason = REASONS.get(systemCode(thrown));
  const path = "path" in thrown && typeof thrown.path === "string" ? thrown.path : undefined;
  if (reason === undefined || path === undefined) return thrown;
  const { says, hint } = reason;
  return new MusterError("state_unsafe", `"${path}" can't be used: ${says}`, { hint, cause: thrown });
}
