// What is wanted, said in a form, and the command for it. The page makes neither key nor grant: both take the scope
// admin, and a key's text is told where it is made and nowhere else.
import { useState, type ReactNode } from "react";
import { Dialog } from "../parts/Dialog.tsx";
import { ForOwner } from "./ForOwner.tsx";
import { ForProgram } from "./ForProgram.tsx";
import type { GrantBook } from "./grant-book.ts";

export function NewGrant({ book, onClose }: { book: GrantBook; onClose(): void }): ReactNode {
  const [whom, setWhom] = useState<"program" | "owner">("program");
  return (
    <Dialog title="New key or grant" onClose={onClose}>
      <form className="form" onSubmit={(event) => event.preventDefault()} noValidate>
        <fieldset className="choice">
          <legend>For whom</legend>
          <label className="choice-option">
            <input
              type="radio"
              name="whom"
              checked={whom === "program"}
              onChange={() => setWhom("program")}
            />
            <span>
              A program of yours
              <span className="choice-says faint">
                An editor, a script, a client of models: it gets a key
              </span>
            </span>
          </label>
          <label className="choice-option">
            <input type="radio" name="whom" checked={whom === "owner"} onChange={() => setWhom("owner")} />
            <span>
              Another owner
              <span className="choice-says faint">
                Somebody with devices of their own at this hub: what one device of yours offers
              </span>
            </span>
          </label>
        </fieldset>
        {whom === "program" ? <ForProgram book={book} /> : <ForOwner book={book} />}
      </form>
    </Dialog>
  );
}
