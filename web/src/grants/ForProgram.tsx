// A key for a program: its name, what it may use, until when.
import { useState, type ReactNode } from "react";
import type { GrantScope } from "../../../src/protocol/owner-log.ts";
import { Choices, type ChoicesProps } from "./Choices.tsx";
import { EndsField } from "./EndsField.tsx";
import { keyCommand, nameProblem, readProtocols, wrongProtocol, type Ends } from "./grant-commands.ts";
import type { GrantBook } from "./grant-book.ts";
import { MadeCommand } from "./MadeCommand.tsx";
import { SinceOpened } from "./since-opened.ts";
import { WordField } from "./WordField.tsx";

const SCOPES: ChoicesProps<GrantScope>["choices"] = [
  { value: "models", label: "Models", says: "Chat and embeddings, by any client in OpenAI’s format" },
  { value: "capabilities", label: "Capabilities", says: "What plugins and others compute, named or all" },
  { value: "read", label: "Lists", says: "Devices, their states, and tasks without their output" },
  { value: "share", label: "Publishing", says: "Shares on the machine that it runs on" },
];

export function ForProgram({ book }: { book: GrantBook }): ReactNode {
  const [typedName, setName] = useState("");
  const [scopes, setScopes] = useState<readonly GrantScope[]>(["models"]);
  const [typed, setTyped] = useState("");
  const [ends, setEnds] = useState<Ends>("90d");
  const [opened] = useState(() => new SinceOpened(book));
  const name = typedName.trim();
  const done = opened.has(book, (one) => one.holder === "program" && one.name === name);
  const isTaken = !done && book.items.some((one) => one.name === name);
  const problem = isTaken ? `There is a key “${name}” already.` : nameProblem(name);
  const named = scopes.includes("capabilities") ? typed : "";
  const wrong = wrongProtocol(named);
  const isReady = name !== "" && problem === undefined && wrong === undefined && scopes.length > 0;
  return (
    <>
      <WordField
        label="Name"
        hint="What to call it here: editor, backup-script"
        problem={problem}
        maxLength={64}
        value={typedName}
        onChange={setName}
      />
      <Choices legend="May use" choices={SCOPES} chosen={scopes} onChange={setScopes} />
      {scopes.includes("capabilities") ? (
        <WordField
          label="Which capabilities"
          hint="As in sentiment, x.translate; all where it stays empty"
          problem={wrong}
          maxLength={1000}
          value={typed}
          onChange={setTyped}
        />
      ) : null}
      <EndsField ends={ends} onChange={setEnds} />
      <MadeCommand
        book={book}
        command={isReady ? keyCommand({ name, scopes, capabilities: readProtocols(named), ends }) : null}
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
