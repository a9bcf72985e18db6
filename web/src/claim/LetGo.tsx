// A device that another owner shares, let go of: by a click where this browser may, else by the command.
import { useState, type ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { Command } from "../parts/Command.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage, usePageState } from "../state/use-page.ts";

export function LetGo({ device }: { device: DeviceView }): ReactNode {
  const [asking, setAsking] = useState(false);
  const { command, keptByWords } = usePageState((state) => state.authority);
  if (!keptByWords || command !== "may") {
    return (
      <p className="faint actions">
        To let it go, run on a controller of yours:{" "}
        <Command>{`muster device unshare ${device.name}`}</Command>
      </p>
    );
  }
  return (
    <div className="actions">
      <button type="button" className="button danger" onClick={() => setAsking(true)}>
        Let it go…
      </button>
      {asking ? <AskFirst device={device} onClose={() => setAsking(false)} /> : null}
    </div>
  );
}

function AskFirst({ device, onClose }: { device: DeviceView; onClose(): void }): ReactNode {
  const page = usePage();
  const task = useTask();
  const letGo = (): void =>
    task.run(async () => {
      await page.claims.letGo(device.id);
      onClose();
    });
  return (
    <Dialog title={`Let ${device.name} go?`} onClose={onClose}>
      <div className="prose">
        <p>What is lost, at once:</p>
        <ul>
          <li>your right to command it; what you have open there ends</li>
          <li>your sight of it, its services and its tasks</li>
        </ul>
        <p>
          What you started there as tasks runs on. To command it again you need a new link from its owner.
        </p>
      </div>
      {task.problem === null ? null : (
        <Problem what={`${device.name} was not let go`} problem={task.problem} />
      )}
      <div className="form-end">
        <button type="button" className="button" onClick={onClose} data-first>
          Keep it
        </button>
        <button type="button" className="button danger" onClick={letGo} disabled={task.busy}>
          {task.busy ? "Letting go…" : `Let ${device.name} go`}
        </button>
      </div>
    </Dialog>
  );
}
