// Nobody is signed in: a name, a way to come back, and one click that makes account, key and owner log, and takes the
// device.
import { useState, type FormEvent, type ReactNode } from "react";
import { userNameProblem } from "../../../src/protocol/names.ts";
import { isTooShort, NewPasswordField } from "../account/NewPasswordField.tsx";
import { Command } from "../parts/Command.tsx";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage, usePageState } from "../state/use-page.ts";
import type { OpenOffer } from "./claim-state.ts";

export function NewcomerForm({ offer: { device, by } }: { offer: OpenOffer }): ReactNode {
  const page = usePage();
  const task = useTask();
  const passkeys = usePageState((state) => state.passkeysAllowed);
  const [name, setName] = useState("");
  const [way, setWay] = useState<"passkey" | "password">(passkeys ? "passkey" : "password");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const nameProblem = userNameProblem(name.trim());
  const short = way === "password" && isTooShort(password);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (nameProblem !== undefined || short) return;
    task.run(() =>
      page.claims.takeAsNewcomer(name.trim(), way === "passkey" ? { by: way } : { by: way, password }),
    );
  };
  return (
    <>
      <form className="form" onSubmit={submit} noValidate>
        <Field
          label="Your name here"
          hint={`${by ?? "The owner"} sees it, and you sign in with it: anna, or ben-b`}
          problem={tried && nameProblem !== undefined ? `The name ${nameProblem}.` : undefined}
        >
          {(ids) => (
            <input
              {...ids}
              className="input"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              maxLength={32}
              autoFocus
              value={name}
              onChange={(event) => {
                setName(event.target.value);
                task.forget();
              }}
            />
          )}
        </Field>
        {passkeys ? (
          <fieldset className="choice">
            <legend>How you come back</legend>
            <Way value="passkey" chosen={way} choose={setWay} label="Passkey">
              Finger, face or PIN of this device, or a security key; it is asked for right after
            </Way>
            <Way value="password" chosen={way} choose={setWay} label="Password">
              For a browser without passkeys
            </Way>
          </fieldset>
        ) : null}
        {way === "password" ? (
          <NewPasswordField label="Password" password={password} tried={tried} onChange={setPassword} />
        ) : null}
        {task.problem === null ? null : (
          <Problem what={`${device.name} was not taken`} problem={task.problem} />
        )}
        <div className="form-end">
          <button type="button" className="button" onClick={page.askSignIn} disabled={task.busy}>
            I have an account here
          </button>
          <button type="submit" className="button primary" disabled={task.busy}>
            {task.busy ? "Taking it…" : `Take ${device.name}`}
          </button>
        </div>
      </form>
      <OnAMachine />
    </>
  );
}

interface WayProps {
  value: "passkey" | "password";
  chosen: string;
  choose(way: "passkey" | "password"): void;
  label: string;
  children: string;
}

function Way({ value, chosen, choose, label, children }: WayProps): ReactNode {
  return (
    <label className="choice-option">
      <input
        type="radio"
        name="way"
        value={value}
        checked={chosen === value}
        onChange={() => choose(value)}
      />
      <span>
        {label}
        <span className="choice-says faint">{children}</span>
      </span>
    </label>
  );
}

/** The other way to take it, and why somebody would. */
export function OnAMachine(): ReactNode {
  const page = usePage();
  return (
    <details className="aside claim-elsewhere">
      <summary>Take it on a machine of yours instead</summary>
      <p className="faint">
        This browser makes a key that cannot leave it and commands for 30 days. What the page does with it is
        the hub’s word. A machine of yours takes nobody’s word, and needs no account:
      </p>
      <Command>{`muster device claim '${page.claims.link()}'`}</Command>
    </details>
  );
}
