// One thing that was said or sent. What a peer wrote is text and nothing else: no link, no picture, no markup.
import { useState, type ReactNode } from "react";
import { exact, hour } from "../format/time.ts";
import { percent, size } from "../format/size.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { useTask } from "../parts/use-task.ts";
import type { ShownState } from "../fleet/shown-state.ts";
import type { Moving, TalkItem } from "./peers-state.ts";
import { DELIVERY } from "./talk.ts";
import { usePeers, usePeersState } from "./use-peers.ts";

export function TalkLine({ item, name }: { item: TalkItem; name: string }): ReactNode {
  const { body, from, at, state } = item;
  const isMoving = usePeersState(({ moving }) => (moving.get(item.id)?.moved ?? 0) > 0);
  if (body.kind === "renamed") {
    return (
      <li className="talk-aside faint">
        It called itself “{body.from}” and calls itself “{body.to}” now. Its key is the same, and so is its
        name here.
      </li>
    );
  }
  const iso = new Date(at).toISOString();
  const delivery =
    state === null
      ? null
      : body.kind === "file" && body.session && state === "queued"
        ? isMoving
          ? SENDING
          : WAITING
        : DELIVERY[state];
  return (
    <li className="said" data-from={from}>
      <span className="unseen">{from === "me" ? "You: " : `${name}: `}</span>
      {body.kind === "text" ? (
        <TextSaid text={body.text} />
      ) : body.kind === "file" ? (
        <FileSaid item={item} body={body} />
      ) : (
        <p className="said-text faint">
          A message of a newer version. Reload the page to see whether it can read it.
        </p>
      )}
      <p className="said-about faint numbers">
        <time dateTime={iso} title={exact(iso)}>
          {hour(at)}
        </time>
        {delivery === null ? null : (
          <span className="said-state" title={item.problem ?? delivery.reason ?? undefined}>
            <MarkShape mark={delivery.mark} /> {delivery.word}
          </span>
        )}
        {body.kind === "text" ? <CopyButton text={body.text} what="message" className="link quiet" /> : null}
      </p>
    </li>
  );
}

/** As much as is read at a glance; the rest of a long one is a click away, and copied whole either way. */
const SHOWN_CHARACTERS = 4_000;

function TextSaid({ text }: { text: string }): ReactNode {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > SHOWN_CHARACTERS && !isWhole;
  return (
    <div className="said-text" dir="auto">
      {isLong ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : text}
      {isLong ? (
        <p>
          <button type="button" className="link" onClick={() => setWhole(true)}>
            Show all {text.length.toLocaleString()} characters
          </button>
        </p>
      ) : null}
    </div>
  );
}

/** Of a file in a session of its own: nobody keeps it in between. */
const WAITING: ShownState = {
  mark: "unknown",
  word: "waits for the device",
  reason: "It goes once both are there, while this page stays open.",
};
const SENDING: ShownState = {
  mark: "degraded",
  word: "sending",
  reason: "It goes while this page stays open.",
};

type FileBody = Extract<TalkItem["body"], { kind: "file" }>;

function FileSaid({ item, body }: { item: TalkItem; body: FileBody }): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const moving = usePeersState((state) => state.moving.get(item.id));
  return (
    <div className="said-file">
      <span className="said-file-name" dir="auto">
        {body.name}
      </span>
      <span className="faint numbers">
        {moving === undefined ? size(body.size) : `${size(moving.moved)} of ${size(body.size)}`}
      </span>
      {moving !== undefined ? (
        <>
          <button type="button" className="button" onClick={() => peers.cancelFile(item.id)}>
            Cancel<span className="unseen"> {body.name}</span>
          </button>
          <Meter moving={moving} />
        </>
      ) : body.session && item.from === "me" ? null : body.kept ? (
        <button
          type="button"
          className="button"
          disabled={task.busy}
          onClick={() => task.run(() => peers.save(item))}
        >
          Save<span className="unseen"> {body.name}</span>
        </button>
      ) : (
        <span className="faint">not kept any more</span>
      )}
      {task.problem === null ? null : <span className="field-problem">{task.problem.message}</span>}
      {item.problem === undefined ? null : <span className="field-problem">{item.problem}</span>}
    </div>
  );
}

/** A file that comes now; it stands among what was said once it is whole. */
export function Arriving({ moving }: { moving: Moving }): ReactNode {
  return (
    <li className="said" data-from="peer">
      <div className="said-file">
        <span className="said-file-name" dir="auto">
          {moving.name}
        </span>
        <span className="faint numbers">
          {size(moving.moved)} of {size(moving.size)}
        </span>
        <Meter moving={moving} />
      </div>
      <p className="said-about faint">receiving</p>
    </li>
  );
}

function Meter({ moving }: { moving: Moving }): ReactNode {
  const part = percent(moving.moved, moving.size);
  return (
    <progress className="said-meter" max={100} value={part} aria-label={`${moving.name}: ${part} percent`} />
  );
}
