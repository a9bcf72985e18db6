// The way back, above the heading of a place that the fleet leads to.
import type { ReactNode } from "react";
import { usePage } from "../state/use-page.ts";

export function BackToFleet(): ReactNode {
  const page = usePage();
  return (
    <p>
      <button type="button" className="link" onClick={() => page.go("fleet")}>
        ‹ Fleet
      </button>
    </p>
  );
}
