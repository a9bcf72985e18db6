// When what is given ends by itself.
import type { ReactNode } from "react";
import { Field } from "../parts/Field.tsx";
import { ENDS, type Ends } from "./grant-commands.ts";

export function EndsField({ ends, onChange }: { ends: Ends; onChange(ends: Ends): void }): ReactNode {
  return (
    <Field label="Ends">
      {(ids) => (
        <select
          {...ids}
          className="input"
          value={ends}
          onChange={(event) => {
            const { value } = event.target;
            if (isEnds(value)) onChange(value);
          }}
        >
          {Object.entries(ENDS).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function isEnds(text: string): text is Ends {
  return Object.hasOwn(ENDS, text);
}
