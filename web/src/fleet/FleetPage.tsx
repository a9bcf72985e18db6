// The fleet: what is wrong first, then every device with its shares, then what to do next.
import { useState, type ReactNode } from "react";
import type { FleetView } from "../../../src/protocol/views.ts";
import { AccountPrompt } from "../account/AccountPrompt.tsx";
import { AddOwnMachine } from "../claim/OwnMachine.tsx";
import { AddDevice } from "../device/AddDevice.tsx";
import { GrantsWay } from "../grants/GrantsWay.tsx";
import { FilterField } from "../parts/FilterField.tsx";
import { AddShare } from "../share/AddShare.tsx";
import { usePageState } from "../state/use-page.ts";
import { arrange } from "./arrange.ts";
import { Browsers } from "./Browsers.tsx";
import { ConnectionNote } from "./ConnectionNote.tsx";
import { DeviceLine } from "./DeviceLine.tsx";
import { NextStep, WhyNotCommand } from "./NextStep.tsx";
import { Summary } from "./Summary.tsx";
import { useFleetKeys } from "./use-fleet-keys.ts";

export function FleetPage(): ReactNode {
  const fleet = usePageState((state) => state.fleet);
  return (
    <>
      <ConnectionNote />
      {fleet === null ? (
        <p className="waiting faint">Waiting for the hub's first word…</p>
      ) : (
        <Fleet fleet={fleet} />
      )}
    </>
  );
}

function Fleet({ fleet }: { fleet: FleetView }): ReactNode {
  const [filter, setFilter] = useState("");
  const [adding, setAdding] = useState(false);
  const [addingDevice, setAddingDevice] = useState(false);
  const stale = usePageState((state) => state.hubLink.at !== "ready");
  const mayAdd = usePageState(
    (state) => state.authority.command === "may" && state.authority.hubDevice !== null,
  );
  const hubDeviceId = usePageState((state) => state.authority.hubDevice?.id ?? null);
  // Machines are let in by machines, or by the words of whoever has none.
  const AddAny = usePageState((state) => state.authority.keptByWords) ? AddOwnMachine : AddDevice;
  const canAdd = mayAdd && !stale;
  const openAdd = (): void => {
    if (canAdd) setAdding(true);
  };
  useFleetKeys(openAdd);

  const { machines, browsers } = arrange(fleet, filter, hubDeviceId);
  const nothing = machines.length === 0 && browsers.length === 0;
  return (
    <>
      <Summary fleet={fleet} />
      <AccountPrompt />
      <Toolbar fleet={fleet} filter={filter} setFilter={setFilter}>
        <button type="button" className="button" onClick={() => setAddingDevice(true)} disabled={stale}>
          Add device
        </button>
        {mayAdd && fleet.shares.length > 0 ? (
          <button
            type="button"
            className="button primary"
            aria-keyshortcuts="a"
            onClick={openAdd}
            disabled={!canAdd}
          >
            Add share
          </button>
        ) : null}
      </Toolbar>
      <div className="fleet" data-stale={stale}>
        {machines.length === 0 ? null : (
          <div className="columns" aria-hidden="true">
            <span>State</span>
            <span>Name</span>
            <span>Kind</span>
            <span>Address</span>
            <span>Proof</span>
            <span>Machine, access</span>
          </div>
        )}
        <ul className="devices" aria-label="Devices">
          {machines.map((group) => (
            <DeviceLine key={group.device.id} group={group} />
          ))}
        </ul>
        {nothing && filter !== "" ? (
          <p className="nothing">
            Nothing matches “{filter}”.{" "}
            <button type="button" className="link" onClick={() => setFilter("")}>
              Show everything
            </button>
          </p>
        ) : null}
        <Browsers browsers={browsers} />
      </div>
      {filter === "" ? <NextStep fleet={fleet} canAdd={canAdd} onAdd={openAdd} /> : null}
      <WhyNotCommand />
      {filter === "" ? <GrantsWay /> : null}
      {addingDevice ? <AddAny onClose={() => setAddingDevice(false)} /> : null}
      {adding ? <AddShare onClose={() => setAdding(false)} /> : null}
    </>
  );
}

/** Fewer lines than this are seen at once and need no filter. */
const FILTER_FROM_LINES = 4;

interface ToolbarProps {
  fleet: FleetView;
  filter: string;
  setFilter(filter: string): void;
  children: ReactNode;
}

function Toolbar({ fleet, filter, setFilter, children }: ToolbarProps): ReactNode {
  const few = fleet.devices.length + fleet.shares.length < FILTER_FROM_LINES;
  if (few && children === null) return null;
  return (
    <div className="toolbar">
      {few ? null : <FilterField label="Filter devices and shares" value={filter} onChange={setFilter} />}
      {children}
    </div>
  );
}
