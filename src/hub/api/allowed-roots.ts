// Whose fleet a call is about where it names none: that of its own actor.
import { rootsOf, type ResourceOf } from "../../protocol/actors.ts";
import type { Action } from "../../protocol/permissions.ts";
import type { Call } from "./route.ts";

/** The actor's own, each asked for; one at least. */
export function allowedRoots<A extends Action>(
  call: Pick<Call<A>, "actor"> & { allow: AllowOwner },
): string[] {
  const roots = rootsOf(call.actor);
  if (roots.length === 0) call.allow(undefined);
  return roots.map((root) => call.allow({ kind: "owner", root }).root);
}

type AllowOwner = (resource: ResourceOf<"owner"> | undefined) => ResourceOf<"owner">;
