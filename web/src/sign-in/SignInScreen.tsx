// Nobody is signed in here: by passkey where the address allows it, by name and password, or by a new link.
import { useState, type FormEvent, type ReactNode } from "react";
import { Command } from "../parts/Command.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage, usePageState } from "../state/use-page.ts";

export function SignInScreen(): ReactNode {
  return usePageState((state) => state.servedByAgent) ? <OpenByLink /> : <SignInForm />;
}

function OpenByLink(): ReactNode {
  return (
    <section className="card">
      <h1>Open this page by its link</h1>
      <p>It comes from this device's own agent, which lets in a browser that was given a link:</p>
      <Command>muster open</Command>
    </section>
  );
}

function SignInForm(): ReactNode {
  const page = usePage();
  const task = useTask();
  const passkeys = usePageState((state) => state.passkeysAllowed);
  const guests = usePageState((state) => state.guestsAllowed);
  const claims = usePageState((state) => state.claim.at === "offered");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    task.run(() => page.signInWithPassword(name.trim(), password));
  };
  return (
    <section className="card">
      <h1>Sign in</h1>
      {passkeys ? (
        <>
          <button
            type="button"
            className="button wide"
            disabled={task.busy}
            onClick={() => task.run(page.signInWithPasskey)}
          >
            Sign in with a passkey
          </button>
          <p className="or faint">or</p>
        </>
      ) : null}
      <form className="form" onSubmit={submit}>
        <Field label="Name">
          {(ids) => (
            <input
              {...ids}
              className="input"
              autoComplete="username webauthn"
              autoCapitalize="none"
              spellCheck={false}
              maxLength={64}
              required
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="Password">
          {(ids) => (
            <input
              {...ids}
              type="password"
              className="input"
              autoComplete="current-password"
              maxLength={256}
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
        {task.problem === null ? null : <Problem what="You were not signed in" problem={task.problem} />}
        <div className="form-end">
          <button type="submit" className="button primary" disabled={task.busy}>
            {task.busy ? "Signing in…" : "Sign in"}
          </button>
        </div>
      </form>
      <div className="aside">
        <p className="faint">
          No password yet, or forgotten? Print a sign-in link on the hub's machine and open it here:
        </p>
        <Command>muster hub login-link</Command>
      </div>
      {claims ? (
        <p className="faint">
          New here?{" "}
          <button type="button" className="link" onClick={page.leaveLink}>
            Back to the device that is shared with you
          </button>
        </p>
      ) : null}
      {guests ? (
        <p className="faint">
          Only here to pair this browser with a device?{" "}
          <button type="button" className="link" onClick={() => page.go("peers")}>
            Go on as a guest
          </button>
        </p>
      ) : null}
    </section>
  );
}
