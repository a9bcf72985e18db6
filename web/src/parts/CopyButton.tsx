// Copies a text and says so where the finger is. The word changes for a moment; nothing else moves.
import { useEffect, useState, type ReactNode } from "react";
import { browserWorld } from "../platform/browser-world.ts";

const SAID_MS = 1600;

export interface CopyButtonProps {
  text: string;
  /** What is copied, for who can't see it: "address of docs". */
  what: string;
  label?: string;
  className?: string;
}

export function CopyButton({
  text,
  what,
  label = "Copy",
  className = "button quiet",
}: CopyButtonProps): ReactNode {
  const [said, setSaid] = useState<"copied" | "failed" | null>(null);

  useEffect(() => {
    if (said === null) return undefined;
    const timer = browserWorld.timers.after(SAID_MS, () => setSaid(null));
    return () => timer.cancel();
  }, [said]);

  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setSaid("copied"),
      () => setSaid("failed"),
    );
  };
  const word = said === null ? label : said === "copied" ? "Copied" : "Not copied";
  return (
    <button type="button" className={className} onClick={copy} aria-label={`Copy the ${what}`} data-copy>
      <span className="steady" data-widest={label.length > 6 ? label : "Copied"}>
        {word}
      </span>
      <span role="status" className="unseen">
        {said === null ? "" : word}
      </span>
    </button>
  );
}
