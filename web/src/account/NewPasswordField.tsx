// A password that is chosen, wherever one is: how long it has to be is told before and after.
import type { ReactNode } from "react";
import { Field } from "../parts/Field.tsx";

/** What the hub asks for; it has the last word. */
const PASSWORD_MIN_LENGTH = 10;

export interface NewPasswordFieldProps {
  label: string;
  password: string;
  /** Somebody has tried to go on with it. */
  tried: boolean;
  onChange(password: string): void;
}

export function isTooShort(password: string): boolean {
  return password.length < PASSWORD_MIN_LENGTH;
}

export function NewPasswordField({ label, password, tried, onChange }: NewPasswordFieldProps): ReactNode {
  return (
    <Field
      label={label}
      hint={`At least ${PASSWORD_MIN_LENGTH} characters`}
      problem={
        tried && isTooShort(password) ? `At least ${PASSWORD_MIN_LENGTH} characters, please.` : undefined
      }
    >
      {(ids) => (
        <input
          {...ids}
          type="password"
          className="input"
          autoComplete="new-password"
          maxLength={256}
          value={password}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
