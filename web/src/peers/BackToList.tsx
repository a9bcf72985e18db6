// On a phone, where the list and what stands beside it are shown one at a time.
import type { ReactNode } from "react";
import { usePeers } from "./use-peers.ts";

export function BackToList(): ReactNode {
  const peers = usePeers();
  return (
    <button type="button" className="button quiet back" onClick={() => peers.show({ at: "list" })}>
      <span aria-hidden="true">‹ </span>Devices
    </button>
  );
}
