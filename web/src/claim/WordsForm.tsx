// The 24 words that keep an owner log which no machine keeps. They are used here and go nowhere.
import { useState, type FormEvent, type ReactNode } from "react";
import { Field } from "../parts/Field.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";

const WORDS = 24;

export interface WordsFormProps {
  /** On the button. */
  does: string;
  /** What is not so, where it fails. */
  failed: string;
  run(words: string): Promise<void>;
}

export function WordsForm({ does, failed, run }: WordsFormProps): ReactNode {
  const task = useTask();
  const [words, setWords] = useState("");
  const count = words.split(/[\s,]+/).filter((word) => word !== "").length;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    task.run(async () => {
      await run(words);
      setWords("");
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
            data-first
            value={words}
            onChange={(event) => {
              setWords(event.target.value);
              task.forget();
            }}
          />
        )}
      </Field>
      {task.problem === null ? null : <Problem what={failed} problem={task.problem} />}
      <div className="form-end">
        <button type="submit" className="button primary" disabled={task.busy || count !== WORDS}>
          {task.busy ? "Signing…" : does}
        </button>
      </div>
    </form>
  );
}
