// A command to run in a terminal, with a button that copies it. It breaks between
// its words, so that no option is torn in two.
import { Fragment, type ReactNode } from "react";
import { CopyButton } from "./CopyButton.tsx";

export function Command({ children }: { children: string }): ReactNode {
  return (
    <span className="command">
      <code>
        {children.split(" ").map((word, at) => (
          <Fragment key={at}>
            {at === 0 ? null : " "}
            <span className="command-word">{word}</span>
          </Fragment>
        ))}
      </code>
      <CopyButton text={children} what="command" />
    </span>
  );
}
