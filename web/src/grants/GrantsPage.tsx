// Keys of programs, and what others may use: who they are, until when, and what takes each back. The page reads it in the
// owner log and writes none of it, since that takes a key that no page ever uses.
import { useState, type ReactNode } from "react";
import { ConnectionNote } from "../fleet/ConnectionNote.tsx";
import { useFleetKeys } from "../fleet/use-fleet-keys.ts";
import { BackToFleet } from "../parts/BackToFleet.tsx";
import { FilterField } from "../parts/FilterField.tsx";
import { Problem } from "../parts/Problem.tsx";
import { usePageState } from "../state/use-page.ts";
import { deviceName, usesOf, type GrantBook } from "./grant-book.ts";
import { GrantLine } from "./GrantLine.tsx";
import { NewGrant } from "./NewGrant.tsx";
import { NoGrants } from "./NoGrants.tsx";
import { OwnerId, useOwnerId } from "./OwnerId.tsx";

export function GrantsPage(): ReactNode {
  const book = usePageState((state) => state.grants);
  const ownerId = useOwnerId();
  return (
    <>
      <ConnectionNote />
      <header className="summary">
        <BackToFleet />
        <h1>Keys and grants</h1>
        <p className="faint">
          Who uses what your devices offer without being one of them. None of them commands anything.
        </p>
      </header>
      {book === null ? (
        <p className="waiting faint">Waiting for the owner log…</p>
      ) : book.problem === null ? (
        <Grants book={book} />
      ) : (
        <Problem what="Your keys and grants can’t be shown" problem={book.problem} />
      )}
      {ownerId === null ? null : (
        <section className="own-id">
          <h2>Your owner id</h2>
          <OwnerId id={ownerId} />
          <p className="faint">
            A device that somebody lends you looks in your log who you are: the names and kinds of your
            devices.
          </p>
        </section>
      )}
    </>
  );
}

/** Fewer are seen at once and need no filter. */
const FILTER_FROM = 8;

function Grants({ book }: { book: GrantBook }): ReactNode {
  const { items, admins } = book;
  const fleet = usePageState((state) => state.fleet);
  const stale = usePageState((state) => state.hubLink.at !== "ready");
  const [filter, setFilter] = useState("");
  const [making, setMaking] = useState(false);
  const openNew = (): void => {
    if (admins.length > 0) setMaking(true);
  };
  useFleetKeys(openNew);
  const wanted = filter.trim().toLowerCase();
  const found = items.filter((grant) =>
    [
      grant.name,
      grant.holder,
      usesOf(grant),
      ...(grant.devices ?? []).map((one) => deviceName(one, fleet)),
    ].some((text) => text.toLowerCase().includes(wanted)),
  );
  return (
    <>
      {items.length === 0 ? null : (
        <div className="toolbar">
          {items.length < FILTER_FROM ? null : (
            <FilterField label="Filter keys and grants" value={filter} onChange={setFilter} />
          )}
          {admins.length === 0 ? null : (
            <button type="button" className="button primary" aria-keyshortcuts="a" onClick={openNew}>
              New key or grant
            </button>
          )}
        </div>
      )}
      {items.length === 0 ? (
        <NoGrants mayMake={admins.length > 0} onMake={openNew} />
      ) : (
        <div className="fleet" data-stale={stale}>
          {found.length === 0 ? (
            <p className="nothing">
              Nothing matches “{filter}”.{" "}
              <button type="button" className="link" onClick={() => setFilter("")}>
                Show everything
              </button>
            </p>
          ) : (
            <div className="columns" aria-hidden="true">
              <span>State</span>
              <span>Name</span>
              <span>Kind</span>
              <span>May use</span>
              <span>Until</span>
              <span>On</span>
            </div>
          )}
          <ul className="devices" aria-label="Keys and grants">
            {found.map((grant) => (
              <GrantLine key={grant.entry} grant={grant} book={book} />
            ))}
          </ul>
        </div>
      )}
      {making ? <NewGrant book={book} onClose={() => setMaking(false)} /> : null}
    </>
  );
}
