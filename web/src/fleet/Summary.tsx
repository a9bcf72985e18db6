// The top of the page: one sentence that all is well, or each thing that is not, as a way to its line.
import type { ReactNode } from "react";
import type { FleetView } from "../../../src/protocol/views.ts";
import { span } from "../format/time.ts";
import { MarkShape } from "../parts/StateMark.tsx";
import { useAsOf, useHubNow, usePageState } from "../state/use-page.ts";
import { verdict, type Trouble } from "./verdict.ts";

/** As many as fit above the list; the rest is in the list itself. */
const SHOWN_MAX = 5;

export function Summary({ fleet }: { fleet: FleetView }): ReactNode {
  const now = useHubNow();
  const asOf = useAsOf();
  const stale = usePageState((state) => state.hubLink.at !== "ready");
  const { headline, troubles, counts } = verdict(fleet, now, asOf);
  return (
    <section className="summary" aria-label="Summary">
      <h1>
        {headline}
        {stale ? <span className="as-of"> as of {span(now - asOf)} ago</span> : null}
      </h1>
      <p className="faint numbers">{counts}</p>
      {troubles.length === 0 ? null : (
        <ul className="troubles">
          {troubles.slice(0, SHOWN_MAX).map((trouble) => (
            <TroubleLine key={`${trouble.id} ${trouble.says}`} trouble={trouble} />
          ))}
          {troubles.length > SHOWN_MAX ? (
            <li className="faint">and {troubles.length - SHOWN_MAX} more, below</li>
          ) : null}
        </ul>
      )}
    </section>
  );
}

function TroubleLine({ trouble }: { trouble: Trouble }): ReactNode {
  const show = (): void => {
    const line = document.getElementById(trouble.id);
    line?.scrollIntoView({ block: "center" });
    line?.querySelector<HTMLElement>("[data-line]")?.focus();
  };
  return (
    <li>
      <MarkShape mark={trouble.mark} />
      <span>
        <button type="button" className="link" onClick={show}>
          {trouble.name}
        </button>{" "}
        {trouble.says}
      </span>
    </li>
  );
}
