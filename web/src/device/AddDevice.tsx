// A new machine: the command that makes a token on a controller, or a place prepared here and the line to run
// on the machine. What joins by this page's code stays unconfirmed until its words were compared.
import { useState, type FormEvent, type ReactNode } from "react";
import type { DEVICE_TYPES, DeviceSetupResponse } from "../../../src/protocol/joining-api.ts";
import { exact, until } from "../format/time.ts";
import { Command } from "../parts/Command.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { useTask } from "../parts/use-task.ts";
import { isOnlyHere } from "../share/reach.ts";
import { useHubNow, usePage, usePageState } from "../state/use-page.ts";

/** In the order of how often one is added. A 32-bit Raspberry Pi has no build yet and would be refused. */
const TYPES = {
  linux_x86_64: "Linux, x86_64",
  linux_arm64: "Linux, arm64 (Raspberry Pi, 64 bits)",
  mac_arm64: "Mac, Apple silicon",
  mac_x86_64: "Mac, Intel",
  windows_x86_64: "Windows, x86_64",
} as const satisfies Partial<Record<keyof typeof DEVICE_TYPES, string>>;

export function AddDevice({ onClose }: { onClose(): void }): ReactNode {
  // Places are the hub's to prepare.
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const [made, setMade] = useState<DeviceSetupResponse | null>(null);
  return (
    <Dialog title="Add a device" onClose={onClose}>
      {made === null ? (
        <>
          <p>A token made on a machine that commands the fleet lets the new one in fully:</p>
          <Command>muster device token</Command>
          {servedByAgent ? null : <PreparePlace onMade={setMade} />}
        </>
      ) : (
        <Prepared made={made} onClose={onClose} />
      )}
    </Dialog>
  );
}

function PreparePlace({ onMade }: { onMade(made: DeviceSetupResponse): void }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [type, setType] = useState("linux_x86_64");
  const [name, setName] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const named = name.trim() === "" ? {} : { name: name.trim() };
    task.run(async () => onMade(await page.devices.prepare({ device_type: type, ...named })));
  };
  return (
    <>
      <p>Or prepare a place here. It works once, within 15 minutes.</p>
      <form className="form" onSubmit={submit}>
        <Field label="What it is">
          {(ids) => (
            <select {...ids} className="input" value={type} onChange={(event) => setType(event.target.value)}>
              {Object.entries(TYPES).map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
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
  );
}

function Prepared({ made, onClose }: { made: DeviceSetupResponse; onClose(): void }): ReactNode {
  const now = useHubNow();
  const { setup_script: script, expires_at } = made;
  const [url = ""] = /https?:\/\/[^/\s]+/.exec(script) ?? [];
  return (
    <>
      <p>
        Run this on the machine. It is shown once, and ends{" "}
        <span title={exact(expires_at)}>{until(expires_at, now)}</span>.
      </p>
      <Command>{script}</Command>
      {isOnlyHere(url) ? (
        <>
          <p className="warning">
            <MarkShape mark="degraded" />
            <span>No other machine reaches {url}. Give this hub a domain first:</span>
          </p>
          <Command>muster hub --domain example.com</Command>
        </>
      ) : null}
      <p className="faint">
        It joins unconfirmed: compare its words on a controller with{" "}
        <span className="mono">muster device approve</span>.
      </p>
      <div className="form-end">
        <button type="button" className="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </>
  );
}
