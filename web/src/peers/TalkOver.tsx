// Below a conversation whose pairing is over: what was said can be read, saved and deleted.
import { useState, type ReactNode } from "react";
import { Dialog } from "../parts/Dialog.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePeers } from "./use-peers.ts";

export function TalkOver({ with: key, name }: { with: string; name: string }): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const [asking, setAsking] = useState(false);
  const forget = (): void =>
    task.run(async () => {
      await peers.forgetTalk(key);
      peers.show({ at: "list" });
    });
  return (
    <div className="talk-over">
      <span className="faint">The pairing with {name} is over.</span>
      <button type="button" className="button danger" onClick={() => setAsking(true)}>
        Delete conversation…
      </button>
      {asking ? (
        <Dialog title={`Delete what was said with ${name}?`} onClose={() => setAsking(false)}>
          <p>Messages and files of this conversation are removed from this browser, for good.</p>
          {task.problem === null ? null : <Problem what="It was not deleted" problem={task.problem} />}
          <div className="form-end">
            <button type="button" className="button" onClick={() => setAsking(false)} data-first>
              Keep it
            </button>
            <button type="button" className="button danger" onClick={forget} disabled={task.busy}>
              Delete conversation
            </button>
          </div>
        </Dialog>
      ) : null}
    </div>
  );
}
