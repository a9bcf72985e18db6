// Who a paired device is: its key, its words, its two names; and the end of it.
import { useState, type FormEvent, type ReactNode } from "react";
import type { PairedDevice } from "../../../src/client/peer.ts";
import { kindWord } from "../fleet/kind-word.ts";
import { exact } from "../format/time.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { useTask } from "../parts/use-task.ts";
import { Fact } from "../share/ShareDetails.tsx";
import { Unpair } from "./Unpair.tsx";
import { usePeers } from "./use-peers.ts";

export function PeerDetails({ peer, onCompare }: { peer: PairedDevice; onCompare(): void }): ReactNode {
  const [leaving, setLeaving] = useState(false);
  return (
    <div className="talk-details">
      <dl className="facts">
        <Fact name="Called here">
          <Petname peer={peer} />
        </Fact>
        <Fact name="Calls itself">
          {peer.nickname}, {kindWord(peer.kind)}
        </Fact>
        <Fact name="Fingerprint">
          <span className="mono">{peer.id}</span>
          <CopyButton text={peer.id} what="fingerprint" />
        </Fact>
        <Fact name="Safety words">
          {peer.safetyWords}{" "}
          {peer.compared ? (
            <span className="faint">(compared)</span>
          ) : (
            <button type="button" className="button" onClick={onCompare}>
              Compare
            </button>
          )}
        </Fact>
        <Fact name="Paired">{exact(new Date(peer.since).toISOString())}</Fact>
      </dl>
      <div className="actions">
        <button type="button" className="button danger" onClick={() => setLeaving(true)}>
          Unpair…
        </button>
      </div>
      {leaving ? <Unpair peer={peer} why="wish" onClose={() => setLeaving(false)} /> : null}
    </div>
  );
}

const PETNAME_MAX = 64;

function Petname({ peer }: { peer: PairedDevice }): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const [typed, setTyped] = useState<string | null>(null);
  if (typed === null) {
    return (
      <>
        {peer.petname}{" "}
        <button type="button" className="button" onClick={() => setTyped(peer.petname)}>
          Rename
        </button>
      </>
    );
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const name = typed.trim();
    if (name === "" || name === peer.petname) return setTyped(null);
    task.run(async () => {
      await peers.setPetname(peer.key, name);
      setTyped(null);
    });
  };
  return (
    <form className="petname" onSubmit={submit}>
      <input
        className="input"
        aria-label="What to call it here"
        autoComplete="off"
        maxLength={PETNAME_MAX}
        value={typed}
        autoFocus
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => (event.key === "Escape" ? setTyped(null) : undefined)}
      />
      <button type="submit" className="button" disabled={task.busy}>
        Keep
      </button>
      {task.problem === null ? null : (
        <span className="field-problem" role="alert">
          {task.problem.message}
        </span>
      )}
    </form>
  );
}
