// One thing that a person asked for and that takes a moment: busy while it runs, its problem if it failed.
import { useState } from "react";
import { publicError, type MusterError } from "../../../src/protocol/errors.ts";

export interface Task {
  busy: boolean;
  problem: MusterError | null;
  /** Ignored while busy, so that a second click asks nothing twice. */
  run(work: () => Promise<void>): void;
  /** The problem is told no more: something newer is. */
  forget(): void;
}

export function useTask(): Task {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<MusterError | null>(null);
  const run = (work: () => Promise<void>): void => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    work()
      .catch((error: unknown) => setProblem(publicError(error)))
      .finally(() => setBusy(false));
  };
  return { busy, problem, run, forget: () => setProblem(null) };
}
