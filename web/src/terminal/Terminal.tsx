// A terminal of a device on its page: closed until somebody wants one, and there again after a cut.
import { useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { Problem } from "../parts/Problem.tsx";
import { browserWorld } from "../platform/browser-world.ts";
import { usePage } from "../state/use-page.ts";
import { leftShell } from "./left-shell.ts";
import { TerminalDesk, type TerminalState } from "./terminal-desk.ts";
import { TerminalView } from "./TerminalView.tsx";

export interface TerminalProps {
  device: DeviceView;
  /** It can be reached now. */
  active: boolean;
}

export function Terminal({ device, active }: TerminalProps): ReactNode {
  const page = usePage();
  const { id, name } = device;
  const [desk] = useState(
    () =>
      new TerminalDesk({
        shell: (wish, events) => page.commands.shell({ id, name }, wish, events),
        remembered: leftShell(sessionStorage, id),
        timers: browserWorld.timers,
      }),
  );
  const state = useSyncExternalStore(desk.store.subscribe, desk.store.get);

  useEffect(() => {
    if (!active) return undefined;
    desk.begin();
    return () => desk.end();
  }, [desk, active]);

  return (
    <section className="machine-part" aria-labelledby="terminal">
      <h2 id="terminal">Terminal</h2>
      {state.at === "closed" ? (
        <Closed desk={desk} state={state} device={device} active={active} />
      ) : (
        <>
          <TerminalView desk={desk} at={state.at} name={name} />
          <p className="faint">{NOTE[state.at]}</p>
        </>
      )}
      {state.problem === null || state.at === "cut" ? null : (
        <Problem what={`The terminal of ${name} is not open`} problem={state.problem} />
      )}
    </section>
  );
}

const NOTE: Record<Exclude<TerminalState["at"], "closed">, string> = {
  opening: "Opening…",
  open: "Shift Tab leaves it to the keyboard. When this page is closed it is kept for ten minutes.",
  cut: "It was cut, and is taken up again when the device can be reached. It is kept there for ten minutes.",
};

interface ClosedProps extends TerminalProps {
  desk: TerminalDesk;
  state: TerminalState;
}

function Closed({ desk, state, device, active }: ClosedProps): ReactNode {
  const offersShell = device.capabilities?.some(({ protocol }) => protocol === "shell") ?? true;
  if (!offersShell) return <p className="faint">{device.name} offers no terminal.</p>;
  return (
    <p className="actions">
      <button type="button" className="button" disabled={!active} onClick={() => desk.open()}>
        Open a terminal
      </button>
      {state.ended === null ? null : <span className="faint">The last one ended: {state.ended}.</span>}
    </p>
  );
}
