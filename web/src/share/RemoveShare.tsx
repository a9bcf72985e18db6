// Asks before a share is removed, and names what is lost by it.
import type { ReactNode } from "react";
import type { ShareView } from "../../../src/protocol/views.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage } from "../state/use-page.ts";

export function RemoveShare({ share, onClose }: { share: ShareView; onClose(): void }): ReactNode {
  const page = usePage();
  const task = useTask();
  const remove = (): void =>
    task.run(async () => {
      await page.order("share.remove", { share: share.id });
      onClose();
    });
  return (
    <Dialog title={`Remove ${share.name}?`} onClose={onClose}>
      <div className="prose">
        <p>What is lost, at once:</p>
        <ul>
          <li>
            the address <span className="mono">{share.url}</span>, for everyone who has it
          </li>
          {share.access === "password" ? <li>its password; adding it again makes another</li> : null}
          {share.kind === "app" ? <li>the app stops, if Muster started it</li> : null}
        </ul>
        <p>
          {share.kind === "page" ? "The files" : "The app's files"} on {share.device_name} stay as they are.
        </p>
      </div>
      {task.problem === null ? null : (
        <Problem what={`${share.name} was not removed`} problem={task.problem} />
      )}
      <div className="form-end">
        <button type="button" className="button" onClick={onClose} data-first>
          Keep it
        </button>
        <button type="button" className="button danger" onClick={remove} disabled={task.busy}>
          {task.busy ? "Removing…" : `Remove ${share.name}`}
        </button>
      </div>
    </Dialog>
  );
}
