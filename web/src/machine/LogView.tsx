// What a task wrote. It stays at its end while somebody is there, and where it is while they read further up.
import { useLayoutEffect, useRef, type ReactNode } from "react";
import { Problem } from "../parts/Problem.tsx";
import type { OpenedLog } from "./machine-tasks.ts";

/** So near the end counts as at it. */
const NEAR_PX = 24;

export function LogView({ log, title }: { log: OpenedLog; title: string }): ReactNode {
  const place = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);

  useLayoutEffect(() => {
    const pre = place.current;
    if (pre !== null && isAtEnd.current) pre.scrollTop = pre.scrollHeight;
  });

  const scrolled = (): void => {
    const pre = place.current;
    if (pre !== null) isAtEnd.current = pre.scrollHeight - pre.scrollTop - pre.clientHeight < NEAR_PX;
  };
  return (
    <>
      {log.isCut ? <p className="faint">What it wrote before this is not shown.</p> : null}
      {log.parts.length === 0 ? (
        <p className="faint">{EMPTY[log.at]}</p>
      ) : (
        // It scrolls, so the keyboard has to reach it.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre ref={place} className="log mono" aria-label={`Log of ${title}`} tabIndex={0} onScroll={scrolled}>
          {log.parts.map(({ from, text }, at) => (
            // Parts are only put behind each other.
            // oxlint-disable-next-line react/no-array-index-key
            <span key={at} data-from={from}>
              {text}
            </span>
          ))}
        </pre>
      )}
      {log.problem === null ? null : <Problem what="The log ends here for now" problem={log.problem} />}
    </>
  );
}

const EMPTY: Record<OpenedLog["at"], string> = {
  reading: "Reading its log…",
  following: "It has written nothing yet.",
  ended: "It wrote nothing.",
  failed: "",
};
