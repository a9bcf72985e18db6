// A new machine: the command that makes a token on a controller, or a place prepared here and the line to run
// on the machine. What joins by this page's code stays unconfirmed until its words were compared.
import { useState, type FormEvent, type ReactNode } from "react";
import { DEVICE_TYPES, type DeviceSetupResponse } from "../../../src/protocol/joining-api.ts";
import { Command } from "../parts/Command.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage } from "../state/use-page.ts";

export function AddDevice({ onClose }: { onClose(): void }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [type, setType] = useState("linux_x86_64");
  const [name, setName] = useState("");
  const [made, setMade] = useState<DeviceSetupResponse | null>(null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const named = name.trim() === "" ? {} : { name: name.trim() };
    task.run(async () => setMade(await page.devices.prepare({ device_type: type, ...named })));
  };
  return (
    <Dialog title="Add a device" onClose={onClose}>
      {made === null ? (
        <>
          <p>A token made on a machine that commands the fleet lets the new one in fully:</p>
          <Command>muster device token</Command>
          <p>Or prepare a place here. It works once, within 15 minutes.</p>
          <form className="form" onSubmit={submit}>
            <Field label="What it is">
              {(ids) => (
                <select
                  {...ids}
                  className="input"
                  value={type}
                  onChange={(event) => setType(event.target.value)}
                >
                  {Object.keys(DEVICE_TYPES).map((one) => (
                    <option key={one} value={one}>
                      {one.replace("_", " ")}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <Field label="Name" hint="Part of its address; may stay empty">
              {(ids) => (
                <input
                  {...ids}
                  className="input"
                  maxLength={30}
                  value={name}
                  onChange={(event) => setName(event.target.value)}
                />
              )}
            </Field>
            {task.problem === null ? null : <Problem what="No place was prepared" problem={task.problem} />}
            <div className="form-end">
              <button type="submit" className="button primary" disabled={task.busy}>
                {task.busy ? "Preparing…" : "Prepare a place"}
              </button>
            </div>
          </form>
        </>
      ) : (
        <>
          <p>Run this on the machine. It is shown once.</p>
          <Command>{made.setup_script}</Command>
          <p className="faint">
            It joins unconfirmed: compare its words on a controller with{" "}
            <span className="mono">muster device approve</span>.
          </p>
        </>
      )}
    </Dialog>
  );
}
