// What the page itself is worth, said where it matters.
import type { ReactNode } from "react";

export function HubsWord(): ReactNode {
  return (
    <p className="hubs-word faint">
      This page comes from <span className="mono">{location.host}</span> and is as honest as{" "}
      <span className="mono">{location.host}</span>.
    </p>
  );
}
