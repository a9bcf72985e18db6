// Someone opened a sign-in link. Nothing is spent until the button is pressed, so that previews spend nothing.
import { useState, type FormEvent, type ReactNode } from "react";
import type { MusterError } from "../../../src/protocol/errors.ts";
import { Command } from "../parts/Command.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import type { LoginLink } from "../session/login-link.ts";
import { usePage, usePageState } from "../state/use-page.ts";

export function LoginLinkScreen({ link }: { link: LoginLink }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [name, setName] = useState(page.suggestedName);
  const signedIn = usePageState((state) => state.user !== null);
  const servedByAgent = usePageState((state) => state.servedByAgent);
  if (task.problem?.code === "token_invalid") return <SpentLink problem={task.problem} />;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    task.run(() => page.spendLink(link, name.trim() === "" ? page.suggestedName : name.trim()));
  };
  return (
    <section className="card">
      <h1>{servedByAgent ? "Open this device's own page" : "Sign in to this hub"}</h1>
      <p>
        You opened a link for <span className="mono">{location.host}</span>. It works once.
      </p>
      <form className="form" onSubmit={submit}>
        <Field label="Name of this browser" hint="So that you know it in the list of your devices">
          {(ids) => (
            <input
              {...ids}
              className="input"
              maxLength={64}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        {task.problem === null ? null : (
          <Problem what="This browser was not signed in" problem={task.problem} />
        )}
        <div className="form-end">
          {signedIn ? (
            <button type="button" className="button" onClick={page.leaveLink}>
              Not now
            </button>
          ) : null}
          <button type="submit" className="button primary" disabled={task.busy} autoFocus>
            {task.busy ? "Signing in…" : "Sign in"}
          </button>
        </div>
      </form>
      <p className="faint">
        {servedByAgent
          ? "This page comes from the agent of this device, not from its hub. This browser makes a key of its own; the agent knows it until the page has been closed for ten minutes."
          : "This browser makes a key of its own that cannot leave it. With it, this page may command your machines for 30 days; it can never add owners."}
      </p>
    </section>
  );
}

function SpentLink({ problem }: { problem: MusterError }): ReactNode {
  const page = usePage();
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const signedIn = usePageState((state) => state.user !== null);
  return (
    <section className="card">
      <h1>This link works no more</h1>
      <Problem what="This browser was not signed in" problem={problem} />
      {problem.hint === undefined ? (
        <p>
          A sign-in link ends after 15 minutes or one use. Print another on the machine that runs the hub:
        </p>
      ) : null}
      <Command>{servedByAgent ? "muster open" : "muster hub login-link"}</Command>
      <div className="form-end">
        <button type="button" className="button" onClick={page.leaveLink}>
          {signedIn ? "Back to the fleet" : "Sign in another way"}
        </button>
      </div>
    </section>
  );
}
