// A key for a program: its name, what it may use, until when.
import { useState, type ReactNode } from "react";
import type { GrantScope } from "../../../src/protocol/owner-log.ts";
import { Field } from "../parts/Field.tsx";
import { EndsField } from "./EndsField.tsx";
import { keyCommand, nameProblem, readProtocols, type Ends } from "./grant-commands.ts";
import type { GrantBook } from "./grant-book.ts";
import { MadeCommand } from "./MadeCommand.tsx";
import { SinceOpened } from "./since-opened.ts";

const SCOPES: readonly { scope: GrantScope; label: string; says: string }[] = [
  { scope: "models", label: "Models", says: "Chat and embeddings, by any client in OpenAI’s format" },
  { scope: "capabilities", label: "Capabilities", says: "What plugins and others compute, named or all" },
  { scope: "read", label: "Lists", says: "Devices, their states, and tasks without their output" },
  { scope: "share", label: "Publishing", says: "Shares on the machine that it runs on" },
];

export function ForProgram({ book }: { book: GrantBook }): ReactNode {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly GrantScope[]>(["models"]);
  const [named, setNamed] = useState("");
  const [ends, setEnds] = useState<Ends>("90d");
  const [opened] = useState(() => new SinceOpened(book));
  const done = opened.has(book, (one) => one.holder === "program" && one.name === name.trim());
  const isTaken = !done && book.items.some((one) => one.name === name.trim());
  const { protocols, wrong } = readProtocols(named);
  const problem = isTaken ? `There is a key “${name.trim()}” already.` : nameProblem(name);
  const namesAny = scopes.includes("capabilities");
  const isReady =
    name.trim() !== "" && problem === undefined && scopes.length > 0 && !(namesAny && wrong !== undefined);
  return (
    <>
      <Field label="Name" hint="What to call it here: editor, backup-script" problem={problem}>
        {(ids) => (
          <input
            {...ids}
            className="input"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <fieldset className="choice">
        <legend>May use</legend>
        {SCOPES.map(({ scope, label, says }) => (
          <label key={scope} className="choice-option">
            <input
              type="checkbox"
              checked={scopes.includes(scope)}
              onChange={(event) =>
                setScopes(
                  SCOPES.map((one) => one.scope).filter((one) =>
                    one === scope ? event.target.checked : scopes.includes(one),
                  ),
                )
              }
            />
            <span>
              {label}
              <span className="choice-says faint">{says}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {namesAny ? (
        <Field
          label="Which capabilities"
          hint="As in sentiment, x.translate; all where it stays empty"
          problem={wrong === undefined ? undefined : `“${wrong}” names no capability.`}
        >
          {(ids) => (
            <input
              {...ids}
              className="input"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              maxLength={1000}
              value={named}
              onChange={(event) => setNamed(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      <EndsField ends={ends} onChange={setEnds} />
      <MadeCommand
        book={book}
        command={isReady ? keyCommand({ name, scopes, capabilities: protocols, ends }) : null}
        missing={
          scopes.length === 0
            ? "Choose something that it may use."
            : "Once it has a name of its own, the command stands here."
        }
        done={done}
      >
        It prints the key there, once. Nothing keeps it, neither the hub nor this page.
      </MadeCommand>
    </>
  );
}
