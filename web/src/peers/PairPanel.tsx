// Pairing, from the first code to the words that two people read to each other.
import type { ReactNode } from "react";
import { EnterCode } from "./EnterCode.tsx";
import { Invitation } from "./Invitation.tsx";
import { OfferedCode } from "./OfferedCode.tsx";
import { SafetyWords } from "./SafetyWords.tsx";
import { usePeersState } from "./use-peers.ts";

export function PairPanel(): ReactNode {
  const pairing = usePeersState((state) => state.pairing);
  const paired = usePeersState(({ pairing: now, peers }) =>
    now.at === "paired" ? peers?.find(({ key }) => key === now.key) : undefined,
  );
  switch (pairing.at) {
    case "invited":
      return <Invitation link={pairing.link} />;
    case "offered":
      return <OfferedCode offer={pairing} />;
    case "paired":
      return paired === undefined ? null : <SafetyWords peer={paired} isNew />;
    case "idle":
    case "running":
    case "failed":
      return <EnterCode />;
  }
}
