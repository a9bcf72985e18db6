// A command to run in a terminal, in one line, with a button that copies it.
import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton.tsx";

export function Command({ children }: { children: string }): ReactNode {
  return (
    <span className="command">
      <code>{children}</code>
      <CopyButton text={children} what="command" />
    </span>
  );
}
