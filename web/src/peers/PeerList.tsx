// The devices that this browser is paired with, whoever was heard last on top, and below them conversations whose
// pairing is over.
import type { ReactNode } from "react";
import type { PairedDevice } from "../../../src/client/peer.ts";
import { span } from "../format/time.ts";
import { MarkShape } from "../parts/StateMark.tsx";
import { useNow } from "../state/use-page.ts";
import { peerMark } from "./peer-mark.ts";
import type { TalkItem } from "./peers-state.ts";
import { preview, unreadIn } from "./talk.ts";
import { usePeers, usePeersState } from "./use-peers.ts";

export function PeerList(): ReactNode {
  const actions = usePeers();
  const peers = usePeersState((state) => state.peers) ?? [];
  const talks = usePeersState((state) => state.talks);
  const shown = usePeersState((state) => state.shown);
  const heard = (key: string): number => talks.get(key)?.at(-1)?.at ?? 0;
  const lastHeard = (peer: PairedDevice): number => Math.max(peer.since, heard(peer.key));
  const over = [...talks.keys()].filter((key) => !peers.some((peer) => peer.key === key));
  return (
    <nav className="peer-list" aria-label="Paired devices">
      <button
        type="button"
        className="button wide"
        aria-keyshortcuts="p"
        aria-current={shown.at === "pairing"}
        onClick={() => actions.show({ at: "pairing" })}
      >
        Pair a device
      </button>
      <ul aria-label="Devices">
        {peers
          .toSorted((one, other) => lastHeard(other) - lastHeard(one))
          .map((peer) => (
            <Line key={peer.key} of={peer.key} name={peer.petname} peer={peer} talk={talks.get(peer.key)} />
          ))}
      </ul>
      {over.length === 0 ? null : (
        <>
          <h2>Not paired any more</h2>
          <ul aria-label="Not paired any more">
            {over
              .toSorted((one, other) => heard(other) - heard(one))
              .map((key) => (
                <Line
                  key={key}
                  of={key}
                  name={talks.get(key)?.at(-1)?.name ?? "a device"}
                  talk={talks.get(key)}
                />
              ))}
          </ul>
        </>
      )}
    </nav>
  );
}

interface LineProps {
  of: string;
  name: string;
  peer?: PairedDevice;
  talk: readonly TalkItem[] | undefined;
}

function Line({ of, name, peer, talk }: LineProps): ReactNode {
  const actions = usePeers();
  const isShown = usePeersState(({ shown }) => shown.at === "talk" && shown.with === of);
  const last = talk?.at(-1);
  const unread = unreadIn(talk);
  const state = peer === undefined ? null : peerMark(peer);
  return (
    <li>
      <button
        type="button"
        className="peer-line"
        aria-current={isShown}
        data-line
        onClick={() => actions.show({ at: "talk", with: of })}
      >
        <span className="peer-line-name">
          {state === null ? null : (
            <span title={state.reason ?? undefined}>
              <MarkShape mark={state.mark} />
              <span className="unseen">{state.word}: </span>
            </span>
          )}
          {name}
        </span>
        <span className="peer-line-age faint numbers">
          {last === undefined ? null : <Since at={last.at} />}
        </span>
        <span className="peer-line-last faint">{last === undefined ? state?.word : preview(last)}</span>
        {unread === 0 ? null : (
          <span className="unread numbers">
            {unread}
            <span className="unseen"> unread</span>
          </span>
        )}
      </button>
    </li>
  );
}

function Since({ at }: { at: number }): ReactNode {
  const now = useNow();
  return now - at < 60_000 ? "now" : span(now - at);
}
