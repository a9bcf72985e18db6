// What this browser calls itself towards the devices that it pairs with; changed in place.
import { useState, type FormEvent, type ReactNode } from "react";
import { NICKNAME_MAX } from "../../../src/protocol/pairing-messages.ts";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage } from "../state/use-page.ts";
import { usePeers, usePeersState } from "./use-peers.ts";

export function OwnName(): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const { suggestedName } = usePage();
  const own = usePeersState((state) => state.own?.nickname) ?? suggestedName;
  const [typed, setTyped] = useState<string | null>(null);
  if (typed === null) {
    return (
      <p className="own-name">
        This browser is called <strong>{own}</strong>.{" "}
        <button type="button" className="link" onClick={() => setTyped(own)}>
          Change<span className="unseen"> the name of this browser</span>
        </button>
      </p>
    );
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const name = typed.trim();
    if (name === "" || name === own) return setTyped(null);
    task.run(async () => {
      await peers.rename(name);
      setTyped(null);
    });
  };
  return (
    <form className="code-form" onSubmit={submit}>
      <Field label="Name of this browser" hint="What the other device sees">
        {(ids) => (
          <input
            {...ids}
            className="input"
            autoComplete="off"
            maxLength={NICKNAME_MAX}
            value={typed}
            autoFocus
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={(event) => (event.key === "Escape" ? setTyped(null) : undefined)}
          />
        )}
      </Field>
      <button type="submit" className="button" disabled={task.busy}>
        Keep
      </button>
      {task.problem === null ? null : <Problem what="The name was not kept" problem={task.problem} />}
    </form>
  );
}
