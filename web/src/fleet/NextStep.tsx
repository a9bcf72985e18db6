// What to do next where something is still missing: one command, one button. Nothing once the fleet is in use.
import { useState, type ReactNode } from "react";
import type { FleetView } from "../../../src/protocol/views.ts";
import { RenewForm } from "../claim/RenewForm.tsx";
import { Command } from "../parts/Command.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { usePage, usePageState } from "../state/use-page.ts";
import { isMachine } from "./verdict.ts";

export interface NextStepProps {
  fleet: FleetView;
  canAdd: boolean;
  onAdd(): void;
}

export function NextStep({ fleet, canAdd, onAdd }: NextStepProps): ReactNode {
  const keptByWords = usePageState((state) => state.authority.keptByWords);
  const machines = fleet.devices.filter(isMachine).length;
  if (keptByWords) return machines === 0 ? <NothingShared /> : null;
  if (machines === 0) {
    return (
      <section className="next">
        <h2>Start with this machine</h2>
        <p>Its agent dials out to the hub, so nothing has to be opened for it.</p>
        <Command>muster start</Command>
      </section>
    );
  }
  if (fleet.shares.length === 0) {
    return (
      <section className="next">
        <h2>Nothing is shared yet</h2>
        <p>
          A folder becomes a page, a port becomes an app: each gets an address that stays, and a password
          unless you say otherwise.
        </p>
        <Command>muster add ./site</Command>
        {canAdd ? (
          <button type="button" className="button primary" onClick={onAdd}>
            Add share
          </button>
        ) : null}
      </section>
    );
  }
  if (machines > 1) return null;
  return (
    <section className="next">
      <h2>Add a second machine</h2>
      <p>Make a token here, then run the line it prints over there.</p>
      <Command>muster device token</Command>
    </section>
  );
}

/** For whoever has nothing but what others share. */
function NothingShared(): ReactNode {
  return (
    <section className="next">
      <h2>Nothing is shared with you now</h2>
      <p>Whoever has a device makes a link for it, which you open here:</p>
      <Command>muster device token --share DEVICE --browser</Command>
    </section>
  );
}

/** Why this page only looks, and the command that changes it. Silent while it may command. */
export function WhyNotCommand(): ReactNode {
  const page = usePage();
  const authority = usePageState((state) => state.authority);
  if (authority.command === "may" || authority.command === "unknown") return null;
  if (authority.keptByWords) return <ByWords ended={authority.command === "ended"} />;
  return (
    <p className="why faint">
      {authority.command === "ended"
        ? "This browser's 30 days as a controller are over, so it only looks. "
        : "This browser only looks: its key is not a controller. "}
      {authority.hubDevice === null ? (
        <>
          To let it command for 30 days, run on a controller of yours with admin:{" "}
          <Command>{`muster device promote ${page.browserCode()}`}</Command>
        </>
      ) : (
        <>
          To let it command for 30 days, open a new sign-in link here:{" "}
          <Command>muster hub login-link</Command>
        </>
      )}
    </p>
  );
}

/** The words that its owner wrote down take the place of a machine. */
function ByWords({ ended }: { ended: boolean }): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <div className="why faint">
      {ended
        ? "This browser’s 30 days are over, so it only looks. "
        : "This browser only looks: it has not been let in by your words. "}
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Type your 24 words
      </button>{" "}
      Without them, ask for a new link that a browser may take, and open it here.
      {open ? (
        <Dialog title="Let this browser command" onClose={() => setOpen(false)}>
          <RenewForm onDone={() => setOpen(false)} />
        </Dialog>
      ) : null}
    </div>
  );
}
