// Who this page is towards the hub: a guest, and what that means; or nobody, and why.
import { useState, type ReactNode } from "react";
import type { MusterError } from "../../../src/protocol/errors.ts";
import { span } from "../format/time.ts";
import { MarkShape } from "../parts/StateMark.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useNow, usePage, usePageState } from "../state/use-page.ts";
import { LeaveGuest } from "./LeaveGuest.tsx";
import { usePeersState } from "./use-peers.ts";

/** The hub does not let this browser in, or the browser keeps nothing. */
export function SessionNote({ problem }: { problem: MusterError }): ReactNode {
  const page = usePage();
  const isGuest = usePageState((state) => state.screen.at === "guest");
  if (!isGuest) {
    return (
      <section className="card">
        <h1>No messages in this browser</h1>
        <Problem what="It can't be a device that pairs" problem={problem} />
      </section>
    );
  }
  return (
    <section className="card">
      <h1>Sign in to pair this browser</h1>
      <Problem what="The hub does not take it as a guest" problem={problem} />
      <div className="form-end">
        <button type="button" className="button primary" onClick={() => page.askSignIn()} autoFocus>
          Sign in
        </button>
      </div>
    </section>
  );
}

export function GuestNote(): ReactNode {
  const page = usePage();
  const now = useNow();
  const session = usePeersState((state) => state.session);
  const hasKey = usePeersState((state) => state.own !== null);
  const [leaving, setLeaving] = useState(false);
  if (session.at === "lost") {
    const waitMs = session.retryAt - now;
    return (
      <div className="note" role="status">
        <MarkShape mark="dead" />
        <p>
          <strong>No connection to the hub</strong>: {session.problem.message}. What you send waits here.
        </p>
        <span className="faint numbers">
          {waitMs > 0 ? `Trying again in ${span(waitMs + 999)}` : "Trying again…"}
        </span>
        <button type="button" className="button" onClick={page.wake}>
          Try now
        </button>
      </div>
    );
  }
  return (
    <div className="note guest">
      <span>As a guest, this browser pairs, sends and receives, with a key that cannot leave it.</span>
      <button type="button" className="button" onClick={() => page.askSignIn()}>
        Sign in
      </button>
      {hasKey ? (
        <button type="button" className="button quiet" onClick={() => setLeaving(true)}>
          Leave…
        </button>
      ) : null}
      {leaving ? <LeaveGuest onClose={() => setLeaving(false)} /> : null}
    </div>
  );
}
