// One key or grant on one line; opened, all that the log says of it and the command that takes it back.
import { useState, type ReactNode } from "react";
import type { GrantHolder, GrantScope } from "../../../src/protocol/owner-log.ts";
import type { FleetView } from "../../../src/protocol/views.ts";
import { LineName, toggleUnlessControl } from "../fleet/LineName.tsx";
import { shortId } from "../format/short-id.ts";
import { ago, exact, until } from "../format/time.ts";
import { Command } from "../parts/Command.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { StateMark } from "../parts/StateMark.tsx";
import { Fact } from "../share/ShareDetails.tsx";
import { useHubNow, usePageState } from "../state/use-page.ts";
import { anyOf, deviceName, isOver, usesOf, type GrantBook, type ShownGrant } from "./grant-book.ts";
import { revokeCommand } from "./grant-commands.ts";

export interface GrantLineProps {
  grant: ShownGrant;
  book: GrantBook;
}

export function GrantLine({ grant, book }: GrantLineProps): ReactNode {
  const now = useHubNow();
  const fleet = usePageState((state) => state.fleet);
  const [open, setOpen] = useState(false);
  const toggle = (): void => setOpen(!open);
  const state = isOver(grant, now)
    ? ({ mark: "unknown", word: "ended", reason: null } as const)
    : ({ mark: "live", word: "valid", reason: null } as const);
  return (
    <li className="entry device grant" data-open={open}>
      <div className="line" onClick={(event) => toggleUnlessControl(event, toggle)}>
        <StateMark state={state} />
        <LineName name={grant.name} open={open} onToggle={toggle} />
        <span className="cell-kind faint">{grant.holder}</span>
        <span className="cell-address mono">{usesOf(grant)}</span>
        <span className="cell-proof faint numbers">
          <Ends untilMs={grant.untilMs} />
        </span>
        <span className="cell-more faint">{where(grant, fleet)}</span>
      </div>
      {open ? <Details grant={grant} book={book} /> : null}
    </li>
  );
}

const SAYS: Record<GrantScope, string> = {
  capabilities: "Whatever they compute",
  models: "Models: llm.chat and embeddings",
  read: "Lists: devices, their states, tasks",
  share: "Publishing on the machine it runs on",
};
const HOLDERS: Record<GrantHolder, string> = {
  program: "a program that has the key",
  device: "one device of another owner",
  owner: "all devices of another owner",
};

function Details({ grant, book }: GrantLineProps): ReactNode {
  const fleet = usePageState((state) => state.fleet);
  const { id, holder, scopes, capabilities, devices, untilMs, entry, by } = grant;
  const others = book.items.filter((one) => one.id === id).length - 1;
  return (
    <div className="details">
      <dl className="facts">
        <Fact name="Who">{HOLDERS[holder]}</Fact>
        <Fact name="May use">
          <ul>
            {scopes.map((scope) => (
              <li key={scope}>
                {scope === "capabilities" && capabilities !== null ? (
                  <span className="mono">{capabilities.join(", ")}</span>
                ) : (
                  SAYS[scope]
                )}
              </li>
            ))}
          </ul>
        </Fact>
        <Fact name="On">
          {devices === null ? "all your devices" : devices.map((one) => deviceName(one, fleet)).join(", ")}
        </Fact>
        <Fact name="Ends">{untilMs === null ? "never by itself: take it back" : exact(isoOf(untilMs))}</Fact>
        <Fact name="Made">
          by {deviceName(by, fleet)}, as entry {entry} of the owner log, which keeps no times
        </Fact>
        <Fact name={holder === "owner" ? "Owner id" : "Key"}>
          <CopyButton
            className="button quiet mono"
            text={id}
            what="id"
            label={holder === "owner" ? id.slice(0, 8) : shortId(id)}
          />
        </Fact>
      </dl>
      {book.admins.length === 0 ? null : (
        <p className="faint actions">
          {holder === "program" ? "To take it back, for good, " : "To take it back "}
          {others > 0 ? `with all else that ${grant.name} may use, ` : ""}
          run on {anyOf(book.admins, fleet)}: <Command>{revokeCommand(grant, book.items)}</Command>
        </p>
      )}
    </div>
  );
}

function Ends({ untilMs }: Pick<ShownGrant, "untilMs">): ReactNode {
  const now = useHubNow();
  if (untilMs === null) return "no end";
  const at = isoOf(untilMs);
  return (
    <time dateTime={at} title={exact(at)}>
      {now < untilMs ? `ends ${until(at, now)}` : `ended ${ago(at, now)}`}
    </time>
  );
}

function where({ devices }: ShownGrant, fleet: FleetView | null): string {
  return devices === null ? "all devices" : devices.map((one) => deviceName(one, fleet)).join(", ");
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
