// An error for a person: what did not work, why, what to do next, and the request's id for the hub's log.
import type { ReactNode } from "react";
import type { MusterError } from "../../../src/protocol/errors.ts";
import { MarkShape } from "./StateMark.tsx";

export interface ProblemProps {
  what: string;
  problem: MusterError;
  children?: ReactNode;
}

export function Problem({ what, problem, children }: ProblemProps): ReactNode {
  const requestId = requestIdOf(problem);
  return (
    <div className="problem" role="alert">
      <MarkShape mark="dead" />
      <div>
        <p className="problem-what">{what}</p>
        <p>{sentence(problem.message)}</p>
        {problem.hint === undefined ? null : <p>{sentence(problem.hint)}</p>}
        {children}
        {requestId === undefined ? null : (
          <p className="faint">
            Request <code>{requestId}</code>
          </p>
        )}
      </div>
    </div>
  );
}

function requestIdOf({ cause }: MusterError): string | undefined {
  if (typeof cause !== "object" || cause === null || !("requestId" in cause)) return undefined;
  return typeof cause.requestId === "string" ? cause.requestId : undefined;
}

/** Messages are written as parts of a line for terminals; here they stand alone. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?`"]$/.test(begun) ? begun : `${begun}.`;
}
