// The name of a line, which is also the button that opens its details. A click anywhere else on the line that
// is not on another control does the same, so that the target is as large as it looks.
import type { MouseEvent, ReactNode } from "react";

export interface LineNameProps {
  name: string;
  open: boolean;
  onToggle(): void;
  children?: ReactNode;
}

export function LineName({ name, open, onToggle, children }: LineNameProps): ReactNode {
  return (
    <span className="cell-name">
      <button type="button" className="line-name" aria-expanded={open} data-line onClick={onToggle}>
        {name}
      </button>
      {children}
    </span>
  );
}

export function toggleUnlessControl(event: MouseEvent<HTMLElement>, toggle: () => void): void {
  const { target } = event;
  if (!(target instanceof Element) || target.closest("a, button, dialog") !== null) return;
  // Who is selecting text to copy it does not want it to move.
  if (window.getSelection()?.isCollapsed === false) return;
  toggle();
}
