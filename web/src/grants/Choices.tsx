// Several of a few things, each with a box to tick, in the order in which they are offered.
import type { ReactNode } from "react";

export interface ChoicesProps<Choice extends string> {
  legend: string;
  choices: readonly { value: Choice; label: ReactNode; says?: string }[];
  chosen: readonly Choice[];
  onChange(chosen: Choice[]): void;
}

export function Choices<Choice extends string>(props: ChoicesProps<Choice>): ReactNode {
  const { legend, choices, chosen, onChange } = props;
  const change = (changed: Choice, isChosen: boolean): void => {
    const values = choices.map(({ value }) => value);
    onChange(values.filter((value) => (value === changed ? isChosen : chosen.includes(value))));
  };
  return (
    <fieldset className="choice">
      <legend>{legend}</legend>
      {choices.map(({ value, label, says }) => (
        <label key={value} className="choice-option">
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={(event) => change(value, event.target.checked)}
          />
          <span>
            {label}
            {says === undefined ? null : <span className="choice-says faint">{says}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
