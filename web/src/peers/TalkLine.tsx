// One thing that was said or sent. What a peer wrote is text and nothing else: no link, no picture, no markup.
import type { ReactNode } from "react";
import { exact, hour } from "../format/time.ts";
import { size } from "../format/size.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { useTask } from "../parts/use-task.ts";
import type { TalkItem } from "./peers-state.ts";
import { DELIVERY } from "./talk.ts";
import { usePeers } from "./use-peers.ts";

export function TalkLine({ item, name }: { item: TalkItem; name: string }): ReactNode {
  const { body, from, at, state } = item;
  if (body.kind === "renamed") {
    return (
      <li className="talk-aside faint">
        It called itself “{body.from}” and calls itself “{body.to}” now. Its key is the same, and so is its
        name here.
      </li>
    );
  }
  const iso = new Date(at).toISOString();
  const delivery = state === null ? null : DELIVERY[state];
  return (
    <li className="said" data-from={from}>
      <span className="unseen">{from === "me" ? "You: " : `${name}: `}</span>
      {body.kind === "text" ? (
        <p className="said-text" dir="auto">
          {body.text}
        </p>
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
          <span className="said-state" title={delivery.reason ?? undefined}>
            <MarkShape mark={delivery.mark} /> {delivery.word}
          </span>
        )}
        {body.kind === "text" ? <CopyButton text={body.text} what="message" className="link quiet" /> : null}
      </p>
    </li>
  );
}

type FileBody = Extract<TalkItem["body"], { kind: "file" }>;

function FileSaid({ item, body }: { item: TalkItem; body: FileBody }): ReactNode {
  const peers = usePeers();
  const task = useTask();
  return (
    <div className="said-file">
      <span className="said-file-name" dir="auto">
        {body.name}
      </span>
      <span className="faint numbers">{size(body.size)}</span>
      {body.kept ? (
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
    </div>
  );
}
