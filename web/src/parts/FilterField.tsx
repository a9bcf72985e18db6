// Narrows the list below it; the key "/" leads here.
import type { ReactNode } from "react";

interface FilterFieldProps {
  /** Which list, for those who hear the page. */
  label: string;
  value: string;
  onChange(value: string): void;
}

export function FilterField({ label, value, onChange }: FilterFieldProps): ReactNode {
  return (
    <input
      type="search"
      className="input filter"
      placeholder="Filter"
      aria-label={label}
      aria-keyshortcuts="/"
      autoComplete="off"
      spellCheck={false}
      data-filter
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
