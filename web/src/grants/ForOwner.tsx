// A grant: what one device of this owner offers, to whom, until when.
import { useState, type ReactNode } from "react";
import { isOwnerId } from "../../../src/protocol/owner-log.ts";
import type { DeviceView, FleetView } from "../../../src/protocol/views.ts";
import { Field } from "../parts/Field.tsx";
import { usePageState } from "../state/use-page.ts";
import { EndsField } from "./EndsField.tsx";
import { loanCommand, nameProblem, readProtocols, type Ends } from "./grant-commands.ts";
import { deviceName, type GrantBook } from "./grant-book.ts";
import { MadeCommand } from "./MadeCommand.tsx";
import { SinceOpened } from "./since-opened.ts";

export function ForOwner({ book }: { book: GrantBook }): ReactNode {
  const fleet = usePageState((state) => state.fleet);
  const ownId = usePageState((state) => state.authority.ownerRoot);
  const devices = lendable(book, fleet);
  const [chosen, setChosen] = useState<string | null>(null);
  const device = devices.find(({ id }) => id === chosen) ?? devices[0];
  const [picked, setPicked] = useState<readonly string[] | null>(null);
  const [typed, setTyped] = useState("");
  const [to, setTo] = useState("");
  const [as, setAs] = useState("");
  const [ends, setEnds] = useState<Ends>("90d");
  const [opened] = useState(() => new SinceOpened(book));
  const { protocols, wrong } = readProtocols(typed);
  const offered = device?.offers ?? [];
  const [first] = offered;
  const capabilities = offered.length === 0 ? protocols : (picked ?? (first === undefined ? [] : [first]));
  const whom = to.trim();
  const isOwner = isOwnerId(whom);
  const done = opened.has(
    book,
    (one) =>
      (one.id === whom || one.name === whom) && one.devices?.some(({ id }) => id === device?.id) === true,
  );
  const toProblem =
    whom !== "" && whom === ownId ? "That is your own." : isOwner ? undefined : nameProblem(to);
  const taken = isOwner && !done && book.items.some(({ id, name }) => name === as.trim() && id !== whom);
  const asProblem = taken ? `Somebody else is “${as.trim()}” here already.` : nameProblem(as);
  const isReady =
    device !== undefined &&
    capabilities.length > 0 &&
    !(offered.length === 0 && wrong !== undefined) &&
    whom !== "" &&
    toProblem === undefined &&
    asProblem === undefined;
  return (
    <>
      <Field label="Device of yours">
        {(ids) => (
          <select
            {...ids}
            className="input"
            value={device?.id}
            onChange={(event) => {
              setChosen(event.target.value);
              setPicked(null);
            }}
          >
            {devices.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      {offered.length === 0 ? (
        <Field
          label="What they may use"
          hint={`${device?.name ?? "It"} offers nothing of that kind now: name it, as in llm.chat`}
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
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
      ) : (
        <fieldset className="choice">
          <legend>What they may use</legend>
          {offered.map((protocol) => (
            <label key={protocol} className="choice-option">
              <input
                type="checkbox"
                checked={capabilities.includes(protocol)}
                onChange={(event) =>
                  setPicked(
                    offered.filter((one) =>
                      one === protocol ? event.target.checked : capabilities.includes(one),
                    ),
                  )
                }
              />
              <span className="mono">{protocol}</span>
            </label>
          ))}
        </fieldset>
      )}
      <Field
        label="Their owner id"
        hint="From them, and not by way of this hub. A device that yours is paired with goes by its name"
        problem={toProblem}
      >
        {(ids) => (
          <input
            {...ids}
            className="input mono"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={64}
            value={to}
            onChange={(event) => setTo(event.target.value)}
          />
        )}
      </Field>
      {isOwner ? (
        <Field label="What to call them" hint="Here alone; may stay empty" problem={asProblem}>
          {(ids) => (
            <input
              {...ids}
              className="input"
              autoComplete="off"
              maxLength={64}
              value={as}
              onChange={(event) => setAs(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      <EndsField ends={ends} onChange={setEnds} />
      <MadeCommand
        book={book}
        command={isReady ? loanCommand({ device, capabilities, to: whom, as, ends }) : null}
        missing={
          capabilities.length === 0
            ? "Choose something that they may use."
            : "Once all is said, the command stands here."
        }
        done={done}
      >
        {isOwner
          ? "Read the id in that line once more against what they gave you: this page is the hub’s word. Each device of theirs may then use it, and commands nothing."
          : "It has to be the machine that is paired with it. That device may then use it, and commands nothing."}
      </MadeCommand>
    </>
  );
}

interface Lendable {
  id: string;
  name: string;
  /** What of it computes, and shows and changes nothing. */
  offers: string[];
}

/** Whoever offers something stands first. */
function lendable({ devices }: GrantBook, fleet: FleetView | null): Lendable[] {
  return devices
    .map((one) => {
      const view = fleet?.devices.find(({ id }) => id === one.id);
      return { id: one.id, name: deviceName(one, fleet), offers: offersOf(view) };
    })
    .toSorted((one, other) => Number(other.offers.length > 0) - Number(one.offers.length > 0));
}

function offersOf(device: DeviceView | undefined): string[] {
  const computing = device?.capabilities?.filter((one) => one.class === "compute") ?? [];
  return [...new Set(computing.map(({ protocol }) => protocol))];
}
