// The 24 words that let this browser command for thirty days. They are used here and go nowhere.
import { useState, type FormEvent, type ReactNode } from "react";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage } from "../state/use-page.ts";

const WORDS = 24;

export function WordsForm({ onDone }: { onDone?(): void }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [words, setWords] = useState("");
  const count = words.split(/[\s,]+/).filter((word) => word !== "").length;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    task.run(async () => {
      await page.claims.renew(words);
      setWords("");
      onDone?.();
    });
  };
  return (
    <form className="form" onSubmit={submit}>
      <Field label="Your 24 words" hint={count === 0 ? "In their order, any case" : `${count} of ${WORDS}`}>
        {(ids) => (
          <textarea
            {...ids}
            className="input words-input mono"
            rows={4}
            autoCapitalize="none"
            autoComplete="off"
            spellCheck={false}
            maxLength={400}
            value={words}
            onChange={(event) => {
              setWords(event.target.value);
              task.forget();
            }}
          />
        )}
      </Field>
      {task.problem === null ? null : (
        <Problem what="This browser commands nothing yet" problem={task.problem} />
      )}
      <div className="form-end">
        <button type="submit" className="button primary" disabled={task.busy || count !== WORDS}>
          {task.busy ? "Signing…" : "Let this browser command"}
        </button>
      </div>
    </form>
  );
}
