// What every way from a visitor to the app has in common, so that one bench measures them all alike.
import type { Stage } from "../stage.ts";
import type { Target } from "../load/target.ts";

export interface Ground {
  stage: Stage;
  /** Where the app listens. */
  originPort: number;
  cert: string;
  key: string;
  /** Where an agent dials to reach its hub, when a long way lies between. */
  between?: (hubPort: number) => Promise<number>;
}

/** One thing to be measured. */
export interface Contender {
  name: string;
  target: Target;
  /** Processes on the visitors' side and on the app's side, for their CPU time. */
  hub: readonly number[];
  agent: readonly number[];
}

export interface Peer {
  name: string;
  /** Programs that must be found on the PATH. */
  programs: readonly string[];
  start(ground: Ground): Promise<Contender[]>;
}
