// The dialog that publishes a port or a folder of the machine that runs the hub.
import { useId, useState, type FormEvent, type ReactNode } from "react";
import type { CommandResponse } from "../../../src/client/command.ts";
import { SHARE_ACCESS } from "../../../src/protocol/views.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage, usePageState } from "../state/use-page.ts";
import { ACCESS } from "./access.ts";
import { AddedShare } from "./AddedShare.tsx";
import {
  EMPTY_FORM,
  EXPIRY,
  nameHint,
  readAddForm,
  type AddForm,
  type AddProblems,
  type ExpiryChoice,
} from "./add-form.ts";

export function AddShare({ onClose }: { onClose(): void }): ReactNode {
  const [added, setAdded] = useState<CommandResponse<"share.add"> | null>(null);
  const device = usePageState((state) => state.authority.hubDevice?.name) ?? "this machine";
  if (added !== null) return <AddedShare added={added} onClose={onClose} />;
  return (
    <Dialog title={`Add a share on ${device}`} onClose={onClose}>
      <AddShareForm onAdded={setAdded} />
    </Dialog>
  );
}

function AddShareForm({ onAdded }: { onAdded(added: CommandResponse<"share.add">): void }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [form, setForm] = useState<AddForm>(EMPTY_FORM);
  const [problems, setProblems] = useState<AddProblems>({});
  const change = (part: Partial<AddForm>): void => setForm({ ...form, ...part });

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const read = readAddForm(form);
    setProblems("problems" in read ? read.problems : {});
    if ("problems" in read) return task.forget();
    task.run(async () => onAdded(await page.order("share.add", read.request)));
  };

  return (
    <form className="form" onSubmit={submit} noValidate>
      <Field label="Port or folder" problem={problems.target} hint="3000, or /home/me/site">
        {(ids) => (
          <input
            {...ids}
            className="input mono"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={4096}
            value={form.target}
            onChange={(event) => change({ target: event.target.value })}
          />
        )}
      </Field>
      <Field label="Name" problem={problems.name} hint="Becomes a part of its address">
        {(ids) => (
          <input
            {...ids}
            className="input mono"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={64}
            placeholder={nameHint(form.target)}
            value={form.name}
            onChange={(event) => change({ name: event.target.value })}
          />
        )}
      </Field>
      <AccessChoice form={form} change={change} />
      <Field label="Expires">
        {(ids) => (
          <select
            {...ids}
            className="input"
            value={form.expiry}
            // The options below are the keys of this table, and nothing else can be chosen.
            onChange={(event) => change({ expiry: event.target.value as ExpiryChoice })}
          >
            {Object.entries(EXPIRY).map(([choice, { label }]) => (
              <option key={choice} value={choice}>
                {label}
              </option>
            ))}
          </select>
        )}
      </Field>
      {task.problem === null ? null : <Problem what="The share was not added" problem={task.problem} />}
      <div className="form-end">
        <button type="submit" className="button primary" disabled={task.busy}>
          {task.busy ? "Adding…" : "Add share"}
        </button>
      </div>
    </form>
  );
}

function AccessChoice({ form, change }: { form: AddForm; change(part: Partial<AddForm>): void }): ReactNode {
  const group = useId();
  return (
    <fieldset className="choice">
      <legend>Who may visit</legend>
      {SHARE_ACCESS.map((access) => (
        <label key={access} className="choice-option">
          <input
            type="radio"
            name={group}
            checked={form.access === access}
            onChange={() => change({ access })}
          />
          <span>
            {ACCESS[access].label}
            <span className="faint choice-says">{ACCESS[access].says}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
