// The line to run, once all that it needs was said; and the word that it has been run.
import type { ReactNode } from "react";
import { Command } from "../parts/Command.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { usePageState } from "../state/use-page.ts";
import { anyOf, type GrantBook } from "./grant-book.ts";

export interface MadeCommandProps {
  book: GrantBook;
  /** Null while something is missing, which `missing` then says. */
  command: string | null;
  missing: string;
  /** The log has it since this dialog was opened. */
  done: boolean;
  children: ReactNode;
}

export function MadeCommand({ book, command, missing, done, children }: MadeCommandProps): ReactNode {
  const fleet = usePageState((state) => state.fleet);
  if (done) {
    return (
      <p className="made" role="status">
        <MarkShape mark="live" /> It is in the owner log now.
      </p>
    );
  }
  if (command === null) return <p className="made faint">{missing}</p>;
  return (
    <div className="made">
      <p>
        No browser may make this. Run it on <strong>{anyOf(book.admins, fleet)}</strong>:
      </p>
      <Command>{command}</Command>
      <p className="faint">{children}</p>
    </div>
  );
}
