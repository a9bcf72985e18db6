// Sets or changes name and password of the account that is signed in.
import { useState, type FormEvent, type ReactNode } from "react";
import { userNameProblem } from "../../../src/protocol/names.ts";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import type { User } from "../state/page-state.ts";
import { usePage } from "../state/use-page.ts";
import { isTooShort, NewPasswordField } from "./NewPasswordField.tsx";

export function PasswordForm({ user }: { user: User }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [name, setName] = useState(user.name);
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [done, setDone] = useState(false);
  const [tried, setTried] = useState(false);
  const nameProblem = userNameProblem(name.trim());

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (nameProblem !== undefined || isTooShort(password)) return;
    task.run(async () => {
      const change = { name: name.trim(), password };
      await page.setPassword(user.has_password ? { ...change, current_password: current } : change);
      setCurrent("");
      setPassword("");
      setTried(false);
      setDone(true);
    });
  };

  return (
    <form className="form" onSubmit={submit} noValidate>
      <Field
        label="Name"
        problem={tried && nameProblem !== undefined ? `The name ${nameProblem}.` : undefined}
      >
        {(ids) => (
          <input
            {...ids}
            className="input"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      {user.has_password ? (
        <Field label="Current password">
          {(ids) => (
            <input
              {...ids}
              type="password"
              className="input"
              autoComplete="current-password"
              maxLength={256}
              value={current}
              onChange={(event) => setCurrent(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      <NewPasswordField label="New password" password={password} tried={tried} onChange={setPassword} />
      {task.problem === null ? null : <Problem what="The password was not set" problem={task.problem} />}
      <div className="form-end">
        {done ? <span role="status">The password is set.</span> : null}
        <button type="submit" className="button" disabled={task.busy}>
          {user.has_password ? "Change password" : "Set password"}
        </button>
      </div>
    </form>
  );
}
