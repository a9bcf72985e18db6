// A grant: what one device of this owner offers, to whom, until when.
import { useState, type ReactNode } from "react";
import { isOwnerId } from "../../../src/protocol/owner-log.ts";
import { Field } from "../parts/Field.tsx";
import { usePageState } from "../state/use-page.ts";
import { Choices } from "./Choices.tsx";
import { EndsField } from "./EndsField.tsx";
import { loanCommand, nameProblem, readProtocols, wrongProtocol, type Ends } from "./grant-commands.ts";
import type { GrantBook } from "./grant-book.ts";
import { lendable } from "./lendable.ts";
import { MadeCommand } from "./MadeCommand.tsx";
import { SinceOpened } from "./since-opened.ts";
import { WordField } from "./WordField.tsx";

export function ForOwner({ book }: { book: GrantBook }): ReactNode {
  const fleet = usePageState((state) => state.fleet);
  const servedByAgent = usePageState((state) => state.servedByAgent);
  const ownId = usePageState((state) => state.authority.ownerRoot);
  const devices = lendable(book, fleet);
  const [chosen, setChosen] = useState<string | null>(null);
  const [ticked, setTicked] = useState<readonly string[] | null>(null);
  const [typed, setTyped] = useState("");
  const [typedTo, setTo] = useState("");
  const [typedAs, setAs] = useState("");
  const [ends, setEnds] = useState<Ends>("90d");
  const [opened] = useState(() => new SinceOpened(book));
  const device = devices.find(({ id }) => id === chosen) ?? devices[0];
  if (device === undefined) return <p className="faint">No machine of yours has anything to lend.</p>;
  const { offers } = device;
  const capabilities = offers.length === 0 ? readProtocols(typed) : (ticked ?? offers.slice(0, 1));
  const wrong = offers.length === 0 ? wrongProtocol(typed) : undefined;
  const [to, as] = [typedTo.trim(), typedAs.trim()];
  const isOwner = isOwnerId(to);
  const done = opened.has(
    book,
    (one) => (one.id === to || one.name === to) && one.devices?.some(({ id }) => id === device.id) === true,
  );
  const isTaken = isOwner && !done && book.items.some(({ id, name }) => name === as && id !== to);
  const toProblem = to !== "" && to === ownId ? "That is your own." : isOwner ? undefined : nameProblem(to);
  const asProblem = isTaken ? `Somebody else is “${as}” here already.` : nameProblem(as);
  const isWell = [wrong, toProblem, asProblem].every((problem) => problem === undefined);
  const isReady = isWell && capabilities.length > 0 && to !== "";
  return (
    <>
      <Field label="Device of yours">
        {(ids) => (
          <select
            {...ids}
            className="input"
            value={device.id}
            onChange={(event) => {
              setChosen(event.target.value);
              setTicked(null);
            }}
          >
            {devices.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      {offers.length === 0 ? (
        <WordField
          label="What they may use"
          hint={`${device.name} offers nothing of that kind now: name it, as in llm.chat`}
          problem={wrong}
          maxLength={1000}
          value={typed}
          onChange={setTyped}
        />
      ) : (
        <Choices
          legend="What they may use"
          choices={offers.map((value) => ({ value, label: <code>{value}</code> }))}
          chosen={capabilities}
          onChange={setTicked}
        />
      )}
      <WordField
        label="Their owner id"
        hint="From them, and not by way of this hub. A device that yours is paired with goes by its name"
        problem={toProblem}
        maxLength={64}
        value={typedTo}
        onChange={setTo}
      />
      {isOwner ? (
        <WordField
          label="What to call them"
          hint="Here alone; may stay empty"
          problem={asProblem}
          maxLength={64}
          value={typedAs}
          onChange={setAs}
        />
      ) : null}
      <EndsField ends={ends} onChange={setEnds} />
      <MadeCommand
        book={book}
        command={isReady ? loanCommand({ device, capabilities, to, as, ends }) : null}
        missing={
          capabilities.length === 0
            ? "Choose something that they may use."
            : "Once all is said, the command stands here."
        }
        done={done}
      >
        {isOwner
          ? `Read the id in that line once more against what they gave you${servedByAgent ? "" : ": this page is the hub’s word"}. Each device of theirs may then use it, and commands nothing.`
          : "It has to be the machine that is paired with it. That device may then use it, and commands nothing."}
      </MadeCommand>
    </>
  );
}
