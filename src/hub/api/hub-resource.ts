// The hub itself, as the authorization table knows it.
import type { ResourceOf } from "../../protocol/actors.ts";
import type { ApiParts } from "./ports.ts";

export function hubResource({ home }: Pick<ApiParts, "home">): ResourceOf<"hub"> {
  const root = home.ownerRoot();
  return { kind: "hub", ownerRoots: root === undefined ? [] : [root] };
}

/** Whose record tells of attempts that concern nobody in particular: the hub's own owner's. */
export function ofHome({ home }: Pick<ApiParts, "home">): { ownerRoot?: string } {
  const ownerRoot = home.ownerRoot();
  return ownerRoot === undefined ? {} : { ownerRoot };
}
