// The paired devices and what is said with them: a list, and beside it a conversation or a pairing. On a phone one
// of the two at a time.
import { useEffect, useState, type ReactNode } from "react";
import { ConnectionNote } from "../fleet/ConnectionNote.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { isTyping } from "../platform/is-typing.ts";
import { usePage, usePageState } from "../state/use-page.ts";
import { BackToList } from "./BackToList.tsx";
import { GuestNote, SessionNote } from "./SessionNote.tsx";
import { PairPanel } from "./PairPanel.tsx";
import { PeerList } from "./PeerList.tsx";
import { Talk } from "./Talk.tsx";
import type { PeersSessionActions } from "./peers-session.ts";
import { usePeersState } from "./use-peers.ts";

export function PeersPage(): ReactNode {
  const isGuest = usePageState((state) => state.screen.at === "guest");
  const refused = usePeersState(({ session }) => (session.at === "refused" ? session.problem : null));
  const isReading = usePeersState(
    ({ peers, session, pairing }) => peers === null && session.at !== "off" && pairing.at === "idle",
  );
  const shown = usePeersState((state) => state.shown);
  const isEmpty = usePeersState(({ peers, talks }) => (peers ?? []).length === 0 && talks.size === 0);
  usePeersKeys();
  if (refused !== null) return <SessionNote problem={refused} />;
  return (
    <>
      <h1 className="unseen">Messages</h1>
      {isGuest ? <GuestNote /> : <ConnectionNote says="What you send waits here." />}
      <Notices />
      {isReading ? (
        <p className="waiting faint">Reading what this browser keeps…</p>
      ) : isEmpty ? (
        <div className="peers-alone">
          <PairPanel />
        </div>
      ) : (
        <div className="peers" data-shows={shown.at}>
          <PeerList />
          <div className="peers-beside">
            <Beside />
          </div>
        </div>
      )}
    </>
  );
}

function Beside(): ReactNode {
  const shown = usePeersState((state) => state.shown);
  switch (shown.at) {
    case "pairing":
      return (
        <>
          <BackToList />
          <PairPanel />
        </>
      );
    case "talk":
      return <Talk key={shown.with} with={shown.with} />;
    case "list":
      return <p className="peers-choose faint">Choose a device to read and write.</p>;
  }
}

function Notices(): ReactNode {
  const notices = usePeersState((state) => state.notices);
  const [read, setRead] = useState<ReadonlySet<string>>(() => new Set());
  const unread = notices.filter((notice) => !read.has(notice));
  return (
    <ul className="notices" role="status">
      {unread.map((notice) => (
        <li key={notice} className="note">
          <MarkShape mark="degraded" />
          <p>{notice}.</p>
          <button type="button" className="button quiet" onClick={() => setRead(new Set([...read, notice]))}>
            Dismiss<span className="unseen">: {notice}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** p pairs, j and k walk the list, Escape goes back to it. */
function usePeersKeys(): void {
  const { peers } = usePage();
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (isTyping(event)) return;
      const act = KEYS[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act(peers);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [peers]);
}

const KEYS: Partial<Record<string, (peers: PeersSessionActions) => void>> = {
  p: (peers) => peers.show({ at: "pairing" }),
  j: () => walk(1),
  k: () => walk(-1),
  Escape: (peers) => peers.show({ at: "list" }),
};

function walk(step: 1 | -1): void {
  const lines = [...document.querySelectorAll<HTMLElement>("[data-line]")];
  const at = lines.findIndex((line) => line === document.activeElement);
  lines[at === -1 ? (step === 1 ? 0 : lines.length - 1) : at + step]?.focus();
}
