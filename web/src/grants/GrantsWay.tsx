// From the fleet to who else uses it: one quiet line below those who belong to it.
import type { ReactNode } from "react";
import { usePage, useHubNow, usePageState } from "../state/use-page.ts";
import { isOver } from "./grant-book.ts";

export function GrantsWay(): ReactNode {
  const page = usePage();
  const now = useHubNow();
  const book = usePageState((state) => state.grants);
  if (book === null) return null;
  const valid = book.items.filter((grant) => !isOver(grant, now)).length;
  return (
    <p className="grants-way faint">
      <button type="button" className="link" onClick={() => page.go("grants")}>
        Keys and grants
      </button>
      :{" "}
      {valid === 0
        ? "nobody else uses what is offered here"
        : `${valid} ${valid === 1 ? "lets" : "let"} others use what is offered here`}
    </p>
  );
}
