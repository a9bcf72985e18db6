// Says when the picture below is no longer live, since when, why, and when the page tries again.
import type { ReactNode } from "react";
import { exact, span } from "../format/time.ts";
import { MarkShape } from "../parts/StateMark.tsx";
import { useHubNow, usePage, usePageState } from "../state/use-page.ts";

export interface ConnectionNoteProps {
  /** What that means for what stands below. */
  says?: string;
}

export function ConnectionNote({
  says = "What stands below is what was last heard.",
}: ConnectionNoteProps): ReactNode {
  const page = usePage();
  const now = useHubNow();
  const hubLink = usePageState((state) => state.hubLink);
  if (hubLink.at !== "lost") return null;
  const waitMs = hubLink.retryAt - now;
  return (
    <div className="note" role="status">
      <MarkShape mark="dead" />
      <p>
        <strong>No connection to the hub</strong>
        {hubLink.since === null ? null : (
          <>
            {" "}
            for <span title={exact(new Date(hubLink.since).toISOString())}>{span(now - hubLink.since)}</span>
          </>
        )}
        : {hubLink.problem.message}. {says}
      </p>
      <span className="faint numbers">
        {waitMs > 0 ? `Trying again in ${span(waitMs + 999)}` : "Trying again…"}
      </span>
      <button type="button" className="button" onClick={page.wake}>
        Try now
      </button>
    </div>
  );
}
