// `/device`: a person types the code that a device shows, sees who asks and from where, and decides by a click.
// A code in the address only fills in the field.
import { useState, type FormEvent, type ReactNode } from "react";
import type { DeviceLookupResponse } from "../../../src/protocol/joining-api.ts";
import { Command } from "../parts/Command.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import type { Decided } from "../session/device-calls.ts";
import { AskingDevice } from "./AskingDevice.tsx";
import { usePage, usePageState } from "../state/use-page.ts";

export function ApproveDevice(): ReactNode {
  const page = usePage();
  const task = useTask();
  const [code, setCode] = useState(codeInAddress);
  const [asking, setAsking] = useState<DeviceLookupResponse | null>(null);
  const [decided, setDecided] = useState<Decided | null>(null);
  const ready = usePageState((state) => state.hubLink.at === "ready");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    task.run(async () => setAsking(await page.devices.lookUp(code)));
  };
  if (decided !== null) return <DecidedCard decided={decided} />;
  if (asking !== null) {
    return <AskingDevice code={code} asking={asking} onDecided={setDecided} onBack={() => setAsking(null)} />;
  }
  return (
    <section className="card">
      <h1>Let a device in</h1>
      <form className="form" onSubmit={submit}>
        <Field label="Code" hint="The eight letters and digits that the device shows">
          {(ids) => (
            <input
              {...ids}
              className="input code"
              autoComplete="off"
              autoCapitalize="characters"
              spellCheck={false}
              maxLength={16}
              value={code}
              onChange={(event) => setCode(event.target.value)}
              autoFocus
            />
          )}
        </Field>
        {task.problem === null ? null : <Problem what="No device was found" problem={task.problem} />}
        <div className="form-end">
          <a className="button" href="/">
            To the fleet
          </a>
          <button type="submit" className="button primary" disabled={task.busy || !ready || code === ""}>
            {task.busy ? "Looking…" : "Show who asks"}
          </button>
        </div>
      </form>
    </section>
  );
}

function DecidedCard({ decided: { decision, name, confirmed } }: { decided: Decided }): ReactNode {
  return (
    <section className="card">
      <h1>{decision === "approve" ? `${name} is let in` : `${name} was turned away`}</h1>
      <DecidedMeans decided={{ decision, name, confirmed }} />
      <div className="form-end">
        <a className="button primary" href="/">
          To the fleet
        </a>
      </div>
    </section>
  );
}

function DecidedMeans({ decided: { decision, name, confirmed } }: { decided: Decided }): ReactNode {
  if (decision === "deny") return <p>Nothing of it was kept. It hears so, and its code works no more.</p>;
  if (confirmed) return <p>It is a member of your fleet, and goes on by itself within a few seconds.</p>;
  return (
    <>
      <p>
        It goes on by itself within a few seconds, and may publish. It takes no command until its words are
        compared on a controller:
      </p>
      <Command>{`muster device approve ${name}`}</Command>
    </>
  );
}

function codeInAddress(): string {
  return /^#([A-Za-z0-9-]{8,9})$/.exec(location.hash)?.[1] ?? "";
}
