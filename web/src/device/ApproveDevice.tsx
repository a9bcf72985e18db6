// `/device`: a person types the code that a device shows, sees who asks and from where, and decides by a click.
// A code in the address only fills in the field.
import { useState, type FormEvent, type ReactNode } from "react";
import type { DeviceLookupResponse } from "../../../src/protocol/joining-api.ts";
import { kindWord } from "../fleet/kind-word.ts";
import { Command } from "../parts/Command.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import type { Decided } from "../session/device-calls.ts";
import { usePage, usePageState } from "../state/use-page.ts";

export const APPROVE_PATH = "/device";

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
    return <Asking code={code} asking={asking} onDecided={setDecided} onBack={() => setAsking(null)} />;
  }
  return (
    <section className="card">
      <h1>Let a device in</h1>
      <form className="form" onSubmit={submit}>
        <Field label="Code" hint="The eight letters that the device shows">
          {(ids) => (
            <input
              {...ids}
              className="input mono"
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

interface AskingProps {
  code: string;
  asking: DeviceLookupResponse;
  onDecided(decided: Decided): void;
  onBack(): void;
}

function Asking({ code, asking, onDecided, onBack }: AskingProps): ReactNode {
  const page = usePage();
  const task = useTask();
  const decide = (decision: "approve" | "deny", wordsCompared = false): void =>
    task.run(async () =>
      onDecided(await page.devices.decide({ user_code: code, decision, words_compared: wordsCompared })),
    );
  return (
    <section className="card">
      <h1>Let {asking.name} into your fleet?</h1>
      <dl className="facts">
        <dt>Device</dt>
        <dd>
          {asking.name}, {kindWord(asking.kind)}, {asking.platform}
        </dd>
        <dt>Asks from</dt>
        <dd className="mono">{asking.source}</dd>
        <dt>Fingerprint</dt>
        <dd className="mono">{asking.device_id}</dd>
        <dt>Words</dt>
        <dd className="mono">{asking.words.join(" ")}</dd>
      </dl>
      <p className="faint">
        The same words must stand at the device. This page comes from the hub and is as honest as the hub: if
        you did not start this yourself, just now, deny it.
      </p>
      {task.problem === null ? null : <Problem what="Nothing was decided" problem={task.problem} />}
      <div className="form-end">
        <button type="button" className="button" onClick={onBack} disabled={task.busy}>
          Another code
        </button>
        <button type="button" className="button" onClick={() => decide("deny")} disabled={task.busy}>
          Deny
        </button>
        {asking.can_confirm ? (
          <button
            type="button"
            className="button"
            onClick={() => decide("approve", true)}
            disabled={task.busy}
          >
            Approve: the words are the same
          </button>
        ) : null}
        <button
          type="button"
          className="button primary"
          onClick={() => decide("approve")}
          disabled={task.busy}
        >
          Approve
        </button>
      </div>
    </section>
  );
}

function DecidedCard({ decided: { decision, name, confirmed } }: { decided: Decided }): ReactNode {
  return (
    <section className="card">
      <h1>{decision === "approve" ? `${name} is let in` : `${name} was turned away`}</h1>
      {decision === "approve" && !confirmed ? (
        <>
          <p>
            It may publish its own shares. It takes no command until its words were compared on a controller:
          </p>
          <Command>{`muster device approve ${name}`}</Command>
        </>
      ) : null}
      <div className="form-end">
        <a className="button primary" href="/">
          To the fleet
        </a>
      </div>
    </section>
  );
}

function codeInAddress(): string {
  return /^#([A-Za-z0-9-]{8,9})$/.exec(location.hash)?.[1] ?? "";
}
