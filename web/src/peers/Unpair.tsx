// Asks before a pairing ends, and names what is lost by it.
import type { ReactNode } from "react";
import type { PairedDevice } from "../../../src/client/peer.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePeers, usePeersState } from "./use-peers.ts";

export interface UnpairProps {
  peer: PairedDevice;
  /** `differ`: the words were not the same. */
  why: "wish" | "differ";
  onClose(): void;
}

export function Unpair({ peer, why, onClose }: UnpairProps): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const name = peer.petname;
  const waiting = usePeersState(
    ({ talks }) =>
      (talks.get(peer.key) ?? []).filter(({ state }) => state === "queued" || state === "relayed").length,
  );
  const unpair = (): void =>
    task.run(async () => {
      await peers.unpair(peer.key);
      onClose();
    });
  return (
    <Dialog title={why === "differ" ? "The words differ" : `Unpair ${name}?`} onClose={onClose}>
      <div className="prose">
        {why === "differ" ? (
          <p>
            Then somebody may have put a key of their own between the two devices. Send nothing, end this
            pairing, and pair again with a new code. If the words differ again, do not trust this hub.
          </p>
        ) : null}
        <p>What is lost, at once:</p>
        <ul>
          <li>neither side can send to the other any more, until they are paired anew; {name} is told</li>
          {waiting === 0 ? null : (
            <li>
              {waiting === 1 ? "one message that is" : `${waiting} messages that are`} not delivered yet
            </li>
          )}
        </ul>
        <p>What was said stays in this browser until you delete it.</p>
      </div>
      {task.problem === null ? null : <Problem what={`${name} is still paired`} problem={task.problem} />}
      <div className="form-end">
        <button type="button" className="button" onClick={onClose} data-first>
          Keep it
        </button>
        <button type="button" className="button danger" onClick={unpair} disabled={task.busy}>
          {task.busy ? "Ending…" : `Unpair ${name}`}
        </button>
      </div>
    </Dialog>
  );
}
