// What is to be said next: a text, and files that were chosen, pasted or dropped. Nothing goes before a click or
// Enter, so that a file dropped on the wrong conversation is no harm.
import {
  useRef,
  useState,
  type ClipboardEvent,
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
} from "react";
import type { PairedDevice } from "../../../src/client/peer.ts";
import { size } from "../format/size.ts";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { usePeers } from "./use-peers.ts";

export interface ComposerProps {
  peer: PairedDevice;
  files: readonly File[];
  setFiles(change: (before: File[]) => File[]): void;
}

export function Composer({ peer, files, setFiles }: ComposerProps): ReactNode {
  const peers = usePeers();
  const task = useTask();
  const picker = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(() => peers.drafts.get(peer.key) ?? "");
  const isEmpty = text.trim() === "" && files.length === 0;

  const write = (next: string): void => {
    setText(next);
    peers.drafts.set(peer.key, next);
    task.forget();
  };
  const send = (): void => {
    if (isEmpty) return;
    task.run(async () => {
      // In the order in which they stand there; what was sent is not sent again if the next one fails.
      if (text.trim() !== "") {
        await peers.sendText(peer.key, text);
        write("");
      }
      for (const file of files) {
        await peers.sendFile(peer.key, file);
        setFiles((before) => before.filter((one) => one !== file));
      }
    });
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send();
  };
  const key = (event: KeyboardEvent): void => {
    // Back to the line of the list, from where the other keys work.
    if (event.key === "Escape")
      return document.querySelector<HTMLElement>("[data-line][aria-current=true]")?.focus();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  const paste = (event: ClipboardEvent): void => {
    const pasted = [...event.clipboardData.files];
    if (pasted.length === 0) return;
    event.preventDefault();
    setFiles((before) => [...before, ...pasted]);
  };
  const choose = (): void => {
    const input = picker.current;
    if (input === null) return;
    const chosen = [...(input.files ?? [])];
    setFiles((before) => [...before, ...chosen]);
    input.value = ""; // so that the same file can be chosen again
  };

  return (
    <form className="composer" onSubmit={submit}>
      {task.problem === null ? null : <Problem what="It was not sent" problem={task.problem} />}
      {files.length === 0 ? null : (
        <ul className="attached" aria-label="Attached files">
          {files.map((file, at) => (
            // Two files may have the same name.
            // oxlint-disable-next-line react/no-array-index-key
            <li key={at}>
              <span className="said-file-name">{file.name}</span>
              <span className="faint numbers">{size(file.size)}</span>
              <button
                type="button"
                className="button quiet"
                disabled={task.busy}
                onClick={() => setFiles((before) => before.filter((one) => one !== file))}
              >
                Remove<span className="unseen"> {file.name}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <div className="composer-line">
        <textarea
          className="input"
          rows={1}
          enterKeyHint="send"
          autoFocus={window.matchMedia("(hover: hover)").matches}
          placeholder="Message"
          aria-label={`Message to ${peer.petname}`}
          value={text}
          onChange={(event) => write(event.target.value)}
          onKeyDown={key}
          onPaste={paste}
        />
        <input ref={picker} type="file" multiple hidden onChange={choose} data-files />
        <button type="button" className="button" onClick={() => picker.current?.click()}>
          Attach
        </button>
        <button type="submit" className="button primary" disabled={isEmpty || task.busy}>
          {task.busy ? "Sending…" : "Send"}
        </button>
      </div>
    </form>
  );
}
