// The way to the place of one device, within the page.
import type { MouseEvent, ReactNode } from "react";
import { pathOfMachine } from "../session/place.ts";
import { usePage } from "../state/use-page.ts";

export interface MachineLinkProps {
  name: string;
  /** That is to be open there. */
  task?: string | undefined;
  className?: string;
  children: ReactNode;
}

export function MachineLink({ name, task, className, children }: MachineLinkProps): ReactNode {
  const page = usePage();
  const go = (event: MouseEvent): void => {
    // Another tab or window is the browser's to open.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    page.goToMachine(name, task);
  };
  return (
    <a href={pathOfMachine(name, task)} className={className} onClick={go}>
      {children}
    </a>
  );
}
