// What a row is given and what it gives back.
import type { Contender, Ground } from "../peers/peer.ts";
import type { Stage } from "../stage.ts";
import type { Table } from "../table.ts";

export interface Bench {
  quick: boolean;
  stage: Stage;
  /** Everything that could be started, all of it on one app, started once for all rows. */
  contenders(): Promise<readonly Contender[]>;
  /** The same, started anew. */
  startAll(change: Partial<Ground>): Promise<readonly Contender[]>;
  ground(): Promise<Ground>;
  progress(text: string): void;
  /** Starts what may be missing on this machine; where it is, the report says so. */
  attempt<Result>(peer: Needing, start: () => Promise<Result>): Promise<Result | undefined>;
}

/** A peer and what it needs on the PATH. */
export interface Needing {
  name: string;
  programs: readonly string[];
}

export interface Row {
  name: string;
  /**
   * Visitors, hub, device and app share one kernel here, which would hold megabytes for each connection that
   * stalls, and then crawl for everybody. Where possible such a row runs in a network namespace of its own with
   * buffers as small as a distant visitor's.
   */
  smallBuffers?: true;
  run(bench: Bench): Promise<Table[]>;
}

/** Runs every contender once, then all of them again: what else the machine does meets them alike. */
export async function interleaved<One extends { name: string }, Result>(
  contenders: readonly One[],
  rounds: number,
  run: (contender: One, round: number) => Promise<Result>,
): Promise<Map<string, Result[]>> {
  const results = new Map<string, Result[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of contenders) {
      const sofar = results.get(contender.name) ?? [];
      results.set(contender.name, [...sofar, await run(contender, round)]);
    }
  }
  return results;
}

/** The way that the bars are about: a password on the share, TLS on the trunk, visitors as the peers have them. */
export const OURS = "Muster, password";
