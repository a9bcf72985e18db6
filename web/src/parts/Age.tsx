// "3 s ago", with the exact time on hover. The exact one also stands in the details of its line, for who has no mouse.
import type { ReactNode } from "react";
import { ago, exact } from "../format/time.ts";
import { useHubNow } from "../state/use-page.ts";

export function Age({ at }: { at: string | null }): ReactNode {
  const now = useHubNow();
  if (at === null) return "never";
  return (
    <time dateTime={at} title={exact(at)}>
      {ago(at, now)}
    </time>
  );
}
