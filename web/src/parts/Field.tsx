// A labelled input with its hint or its problem below, tied together for who can't see that they stand together.
import { useId, type ReactNode } from "react";

export interface FieldIds {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean;
}

export interface FieldProps {
  label: string;
  hint?: string;
  problem?: string | undefined;
  children(ids: FieldIds): ReactNode;
}

export function Field({ label, hint, problem, children }: FieldProps): ReactNode {
  const id = useId();
  const noteId = `${id}-note`;
  const note = problem ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        "aria-describedby": note === undefined ? undefined : noteId,
        "aria-invalid": problem !== undefined,
      })}
      {note === undefined ? null : (
        <p id={noteId} className={problem === undefined ? "faint" : "field-problem"}>
          {note}
        </p>
      )}
    </div>
  );
}
