// Somebody is signed in: one click takes the device where this browser may, else what has to come before, or the
// command where a machine keeps the owner log.
import { useState, type ReactNode } from "react";
import { Command } from "../parts/Command.tsx";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePage, usePageState } from "../state/use-page.ts";
import type { OpenOffer } from "./claim-state.ts";
import { ForMachines } from "./ForMachines.tsx";
import { OnAMachine } from "./NewcomerForm.tsx";
import { RenewForm } from "./RenewForm.tsx";

export function TakeIt({ offer }: { offer: OpenOffer }): ReactNode {
  const page = usePage();
  const { command, keptByWords, begunInBrowser } = usePageState((state) => state.authority);
  const user = usePageState((state) => state.user?.name ?? "");
  const task = useTask();
  if (command === "unknown") return <p className="waiting faint">Asking the hub who you are…</p>;
  if (begunInBrowser && !offer.browsers) return <ForMachines offer={offer} />;
  if (!keptByWords) return <ByMachine />;
  const device = offer.device.name;
  if (command !== "may") return <WordsFirst device={device} />;
  return (
    <>
      {task.problem === null ? null : <Problem what={`${device} was not taken`} problem={task.problem} />}
      <div className="form-end">
        <span className="faint">Signed in as {user}</span>
        <button
          type="button"
          className="button primary"
          disabled={task.busy}
          onClick={() => task.run(page.claims.take)}
          autoFocus
        >
          {task.busy ? "Taking it…" : `Take ${device}`}
        </button>
      </div>
      <OnAMachine />
    </>
  );
}

/** What is an owner's is written by a machine of theirs, so that no page can slip a device under their commands. */
function ByMachine(): ReactNode {
  const page = usePage();
  const user = usePageState((state) => state.user?.name ?? "");
  return (
    <>
      <p>
        You are signed in as {user}, whose devices are kept by a machine. Run this on one that may add others,
        such as the one that runs your hub:
      </p>
      <Command>{`muster device claim '${page.claims.link()}'`}</Command>
      <p className="faint">
        To take it as somebody else, sign out first, or open the link in a private window.
      </p>
    </>
  );
}

function WordsFirst({ device }: { device: string }): ReactNode {
  const page = usePage();
  const task = useTask();
  const [lost, setLost] = useState(false);
  if (!lost) {
    return (
      <>
        <p>This browser commands nothing yet. Type the 24 words that you wrote down, then take {device}:</p>
        <RenewForm />
        <p className="faint">
          <button type="button" className="link" onClick={() => setLost(true)}>
            I have no words any more
          </button>
        </p>
      </>
    );
  }
  return (
    <>
      <p>
        Then take {device} into a new list of owners, under the same account. This browser gets another key
        and new words for it; its pairings and messages are lost. What was shared with you before has to be
        shared again.
      </p>
      {task.problem === null ? null : <Problem what={`${device} was not taken`} problem={task.problem} />}
      <div className="form-end">
        <button type="button" className="button" onClick={() => setLost(false)} disabled={task.busy}>
          I have the words
        </button>
        <button
          type="button"
          className="button danger"
          disabled={task.busy}
          onClick={() => task.run(page.claims.takeAnew)}
        >
          {task.busy ? "Taking it…" : `Begin anew with ${device}`}
        </button>
      </div>
    </>
  );
}
