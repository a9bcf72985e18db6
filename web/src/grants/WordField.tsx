// A field for a name, an id or a few words that a shell will read: nothing corrects or completes it.
import type { ReactNode } from "react";
import { Field, type FieldProps } from "../parts/Field.tsx";

export interface WordFieldProps extends Omit<FieldProps, "children"> {
  value: string;
  maxLength: number;
  onChange(value: string): void;
}

export function WordField({ value, maxLength, onChange, ...field }: WordFieldProps): ReactNode {
  return (
    <Field {...field}>
      {(ids) => (
        <input
          {...ids}
          className="input"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={maxLength}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
