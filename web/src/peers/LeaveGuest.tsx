// A guest on a machine that is not theirs leaves nothing behind. Asks first, and names what is lost.
import type { ReactNode } from "react";
import { Dialog } from "../parts/Dialog.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePeers, usePeersState } from "./use-peers.ts";

export function LeaveGuest({ onClose }: { onClose(): void }): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const count = usePeersState((state) => state.peers?.length ?? 0);
  return (
    <Dialog title="Leave this browser?" onClose={onClose}>
      <div className="prose">
        <p>What is lost, at once and for good:</p>
        <ul>
          {count === 0 ? null : (
            <li>
              {count === 1
                ? "its pairing; the other device is told"
                : `its ${count} pairings; each device is told`}
            </li>
          )}
          <li>the conversations in it, with their files</li>
          <li>its key: it comes back as another device</li>
        </ul>
      </div>
      {task.problem === null ? null : <Problem what="Not everything was removed" problem={task.problem} />}
      <div className="form-end">
        <button type="button" className="button" onClick={onClose} data-first>
          Stay
        </button>
        <button
          type="button"
          className="button danger"
          disabled={task.busy}
          onClick={() => task.run(peers.forgetAll)}
        >
          {task.busy ? "Leaving…" : "Leave and remove"}
        </button>
      </div>
    </Dialog>
  );
}
