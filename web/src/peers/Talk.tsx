// One conversation: who it is with and how far that is certain, what was said, and what is to be said next.
import { useEffect, useLayoutEffect, useRef, useState, type DragEvent, type ReactNode } from "react";
import type { PairedDevice } from "../../../src/client/peer.ts";
import { day } from "../format/time.ts";
import { MarkShape, StateMark } from "../parts/StateMark.tsx";
import { Composer } from "./Composer.tsx";
import { PeerDetails } from "./PeerDetails.tsx";
import { peerMark } from "./peer-mark.ts";
import { BackToList } from "./BackToList.tsx";
import type { Moving, TalkItem } from "./peers-state.ts";
import { SafetyWords } from "./SafetyWords.tsx";
import { Arriving, TalkLine } from "./TalkLine.tsx";
import { TalkOver } from "./TalkOver.tsx";
import { byDay } from "./talk.ts";
import { usePeers, usePeersState } from "./use-peers.ts";

const NOTHING: readonly TalkItem[] = [];

export function Talk({ with: key }: { with: string }): ReactNode {
  const peer = usePeersState(({ peers }) => peers?.find((one) => one.key === key));
  const items = usePeersState(({ talks }) => talks.get(key)) ?? NOTHING;
  const [files, setFiles] = useState<File[]>([]);
  const [beside, setBeside] = useState<"words" | "details" | null>(null);
  const drop = useDrop((dropped) => setFiles((before) => [...before, ...dropped]));
  const moving = usePeersState((state) => state.moving);
  const arriving = [...moving.values()].filter(({ from, peer: of }) => from === "peer" && of === key);
  const name = peer?.petname ?? items.at(-1)?.name ?? "a device";
  useSeen(items);

  if (peer !== undefined && beside === "words") {
    return <SafetyWords peer={peer} onDone={() => setBeside(null)} />;
  }
  return (
    <section
      className="talk"
      aria-label={`Conversation with ${name}`}
      {...(peer === undefined ? {} : drop.events)}
    >
      <header className="talk-head">
        <BackToList />
        <h2>{name}</h2>
        {peer === undefined ? null : <StateMark state={peerMark(peer)} />}
        {peer === undefined ? null : (
          <button
            type="button"
            className="button quiet"
            aria-expanded={beside === "details"}
            onClick={() => setBeside(beside === "details" ? null : "details")}
          >
            Details
          </button>
        )}
      </header>
      {peer !== undefined && beside === "details" ? (
        <PeerDetails peer={peer} onCompare={() => setBeside("words")} />
      ) : null}
      {peer !== undefined && !peer.compared && beside === null ? (
        <NotCompared peer={peer} onCompare={() => setBeside("words")} />
      ) : null}
      <Items items={items} name={name} arriving={arriving} />
      {peer === undefined ? (
        <TalkOver with={key} name={name} />
      ) : (
        <Composer peer={peer} files={files} setFiles={setFiles} />
      )}
      {drop.isOver ? (
        <p className="drop" aria-hidden="true">
          Drop to attach for {name}
        </p>
      ) : null}
    </section>
  );
}

function NotCompared({ peer, onCompare }: { peer: PairedDevice; onCompare(): void }): ReactNode {
  return (
    <p className="talk-note">
      <MarkShape mark="degraded" />
      <span>Nobody has compared the safety words with {peer.petname} yet.</span>
      <button type="button" className="button" onClick={onCompare}>
        Compare words
      </button>
    </p>
  );
}

/** The newest; a long conversation is drawn piece by piece. */
const SHOWN_AT_ONCE = 200;

interface ItemsProps {
  items: readonly TalkItem[];
  name: string;
  arriving: readonly Moving[];
}

function Items({ items, name, arriving }: ItemsProps): ReactNode {
  const list = useRef<HTMLDivElement>(null);
  const wasAtEnd = useRef(true);
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  // A reader at the end stays there; one who reads what was before is not torn away.
  useLayoutEffect(() => {
    const box = list.current;
    if (box !== null && (wasAtEnd.current || items.at(-1)?.from === "me")) box.scrollTop = box.scrollHeight;
  }, [items]);
  const onScroll = (): void => {
    const box = list.current;
    if (box !== null) wasAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  };
  return (
    <div ref={list} className="talk-items" role="log" aria-label="Messages" tabIndex={0} onScroll={onScroll}>
      {items.length === 0 ? (
        <p className="talk-empty faint">
          Nothing was said yet. What you send is sealed for {name}: the hub carries it and cannot read it.
        </p>
      ) : null}
      {items.length > shown ? (
        <p className="talk-earlier">
          <button type="button" className="button quiet" onClick={() => setShown(shown + SHOWN_AT_ONCE)}>
            Show earlier messages
          </button>
        </p>
      ) : null}
      {byDay(items.slice(-shown)).map(({ date, at, items: said }) => (
        <section key={date} aria-label={day(at)}>
          <h3 className="talk-day">{day(at)}</h3>
          <ul>
            {said.map((item) => (
              <TalkLine key={`${item.from} ${item.id}`} item={item} name={name} />
            ))}
          </ul>
        </section>
      ))}
      {arriving.length === 0 ? null : (
        <ul aria-label="On their way">
          {arriving.map((moving) => (
            <Arriving key={moving.id} moving={moving} />
          ))}
        </ul>
      )}
    </div>
  );
}

/** Read is what stands on a page that can be seen. */
function useSeen(items: readonly TalkItem[]): void {
  const { seen } = usePeers();
  useEffect(seen, [seen, items]);
}

function useDrop(take: (files: File[]) => void): {
  isOver: boolean;
  events: {
    onDragEnter(event: DragEvent): void;
    onDragOver(event: DragEvent): void;
    onDragLeave(event: DragEvent): void;
    onDrop(event: DragEvent): void;
  };
} {
  const [depth, setDepth] = useState(0);
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer.types.includes("Files");
  return {
    isOver: depth > 0,
    events: {
      onDragEnter: (event) => (hasFiles(event) ? setDepth(depth + 1) : undefined),
      onDragOver: (event) => (hasFiles(event) ? event.preventDefault() : undefined),
      onDragLeave: (event) => (hasFiles(event) ? setDepth(Math.max(0, depth - 1)) : undefined),
      onDrop(event) {
        setDepth(0);
        if (!hasFiles(event)) return;
        event.preventDefault();
        take([...event.dataTransfer.files]);
      },
    },
  };
}
