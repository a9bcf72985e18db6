// A state as a shape with its word: never by colour alone, readable in black and white.
import type { ReactNode } from "react";
import type { Mark, ShownState } from "../fleet/shown-state.ts";

export function StateMark({ state }: { state: ShownState }): ReactNode {
  return (
    <span className="state" data-mark={state.mark} title={state.reason ?? undefined}>
      <MarkShape mark={state.mark} />
      <span className="state-word">{state.word}</span>
    </span>
  );
}

export function MarkShape({ mark }: { mark: Mark }): ReactNode {
  return (
    <svg className="mark" data-mark={mark} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {shapes[mark]}
    </svg>
  );
}

const ring = { cx: 6, cy: 6, r: 4.25, fill: "none", stroke: "currentColor", strokeWidth: 1.5 } as const;

const shapes: Record<Mark, ReactNode> = {
  live: <circle cx="6" cy="6" r="5" fill="currentColor" />,
  degraded: (
    <>
      <circle {...ring} />
      <path d="M6 1.75a4.25 4.25 0 0 0 0 8.5z" fill="currentColor" />
    </>
  ),
  dead: (
    <>
      <circle {...ring} />
      <path d="M3 9 9 3" stroke="currentColor" strokeWidth="1.5" />
    </>
  ),
  unknown: <circle {...ring} strokeDasharray="2.2 2.25" />,
};
