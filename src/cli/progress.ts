// Long work: one line that lives on a terminal (spinner, phase, seconds), one plain line for each phase
// elsewhere, nothing with --json. Always on standard error.

import type { Timer } from "../world/world.ts";
import type { Invocation } from "./invocation.ts";
import { plainLine } from "./plain-text.ts";

export const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
export const SPINNER_MS = 100;

export interface Progress {
  phase(text: string): void;
  /** Has lines of one's own printed above it. */
  hold(print: () => void): void;
  /** Takes the living line away. Safe to repeat. */
  end(): void;
}

export function startProgress(invocation: Invocation, firstPhase: string): Progress {
  if (invocation.json) return { phase: () => undefined, hold: () => undefined, end: () => undefined };
  return invocation.err.interactive ? livingLine(invocation, firstPhase) : plainLines(invocation, firstPhase);
}

function plainLines({ err }: Invocation, firstPhase: string): Progress {
  let last = "";
  const phase = (text: string): void => {
    if (text === last) return;
    last = text;
    err.line(`${plainLine(text)} ...`);
  };
  phase(firstPhase);
  return { phase, hold: (print) => print(), end: () => undefined };
}

function livingLine({ err, surroundings }: Invocation, firstPhase: string): Progress {
  const { clock, timers } = surroundings;
  const startedAt = clock.monotonic();
  let text = plainLine(firstPhase);
  let frame = 0;
  let timer: Timer | undefined;
  const draw = (): void => {
    const spinner = SPINNER[frame++ % SPINNER.length] ?? "";
    const seconds = Math.floor((clock.monotonic() - startedAt) / 1_000);
    const line = `${text}${seconds > 0 ? ` (${seconds} s)` : ""}`;
    // Two columns for the spinner, one spare so that no terminal wraps.
    err.write(`\r\u001b[K${err.style("cyan", spinner)} ${line.slice(0, Math.max(0, err.columns - 3))}`);
  };
  draw();
  timer = timers.every(SPINNER_MS, draw);
  return {
    phase: (next) => {
      text = plainLine(next);
    },
    hold: (print) => {
      err.write("\r\u001b[K");
      print();
      draw();
    },
    end: () => {
      if (timer === undefined) return;
      timer.cancel();
      timer = undefined;
      err.write("\r\u001b[K");
    },
  };
}
