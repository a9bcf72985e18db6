// The five words of a pairing, and what two people found when they read them to each other.
import { useState, type ReactNode } from "react";
import type { PairedDevice } from "../../../src/client/peer.ts";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { Unpair } from "./Unpair.tsx";
import { usePeers } from "./use-peers.ts";

export interface SafetyWordsProps {
  peer: PairedDevice;
  /** Shown right after the pairing. */
  isNew?: boolean;
  onDone?(): void;
}

export function SafetyWords({ peer, isNew = false, onDone }: SafetyWordsProps): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const [differ, setDiffer] = useState(false);
  const done = onDone ?? ((): void => peers.show({ at: "talk", with: peer.key }));
  const match = (): void =>
    task.run(async () => {
      await peers.verified(peer.key);
      done();
    });
  return (
    <section className="pairing">
      <h2>{isNew ? `Paired with ${peer.petname}` : `Compare words with ${peer.petname}`}</h2>
      <p>
        Do both devices show these five words? {peer.petname} shows them on its page, or by{" "}
        <span className="mono">muster device peers</span>. Read them to each other: the same words mean that
        nobody stands between the two.
      </p>
      <Words words={peer.safetyWords} />
      {task.problem === null ? null : <Problem what="That was not kept" problem={task.problem} />}
      <div className="form-end">
        <button type="button" className="button quiet" onClick={done}>
          Later
        </button>
        <button type="button" className="button danger" onClick={() => setDiffer(true)}>
          They differ
        </button>
        <button
          type="button"
          className="button primary"
          onClick={match}
          disabled={task.busy}
          autoFocus={isNew}
        >
          They match
        </button>
      </div>
      {differ ? <Unpair peer={peer} why="differ" onClose={() => setDiffer(false)} /> : null}
    </section>
  );
}

export function Words({ words }: { words: string }): ReactNode {
  return (
    <ol className="safety-words" aria-label="Safety words">
      {words.split(" ").map((word, at) => (
        // A word may come twice, and its place is a part of what is compared.
        // oxlint-disable-next-line react/no-array-index-key
        <li key={at}>{word}</li>
      ))}
    </ol>
  );
}
