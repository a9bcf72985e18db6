// The id by which others let this owner use something of theirs. It is the hash of the log that this page has checked;
// that it is this person's log is the hub's word, as everything here.
import type { ReactNode } from "react";
import { CopyButton } from "../parts/CopyButton.tsx";
import { usePageState } from "../state/use-page.ts";

/** Nothing while no log is known, and where the hub shows another than this browser has seen. */
export function useOwnerId(): string | null {
  const ownerRoot = usePageState((state) => state.authority.ownerRoot);
  const isBelieved = usePageState((state) => state.grants?.problem === null);
  return isBelieved ? ownerRoot : null;
}

export function OwnerId({ id }: { id: string }): ReactNode {
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const hasMachine = usePageState((state) => (state.grants?.admins.length ?? 0) > 0);
  return (
    <div className="owner-id">
      <p>
        <span className="mono">{id}</span> <CopyButton text={id} what="owner id" />
      </p>
      <p className="faint">
        Give it to whoever lets your devices use something of theirs; by itself it opens nothing.
        {hasMachine && !servedByAgent ? (
          <>
            {" "}
            That it is yours is the hub’s word here, and not in a terminal: <code>muster device owners</code>
          </>
        ) : null}
      </p>
    </div>
  );
}
