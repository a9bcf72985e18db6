// What the keyboard does, for whoever presses "?".
import type { ReactNode } from "react";
import { Dialog } from "./parts/Dialog.tsx";
import { usePageState } from "./state/use-page.ts";

type Keys = readonly [string, string][];

const FLEET: Keys = [
  ["/", "filter devices and shares"],
  ["j  k", "next line, line before"],
  ["Enter", "open or close the line; from the filter to its first line"],
  ["o", "open the address of the line"],
  ["c", "copy the address of the line"],
  ["q", "QR code of the line"],
  ["a", "add a share"],
  ["Esc", "empty the filter, close a dialog"],
];

const PEERS: Keys = [
  ["p", "pair a device"],
  ["j  k", "next device, device before"],
  ["Enter", "open the conversation; send what was typed"],
  ["Shift Enter", "a new line in what is typed"],
  ["Esc", "out of what is typed, back to the list, close a dialog"],
];

const GRANTS: Keys = [
  ["/", "filter keys and grants"],
  ["j  k", "next line, line before"],
  ["Enter", "open or close the line"],
  ["a", "a new key or grant"],
  ["Esc", "empty the filter, close a dialog"],
];

const ALWAYS: Keys = [
  ["g", "the fleet, or the messages"],
  ["s", "search the fleet"],
  ["?", "these keys"],
];

export function KeysDialog({ onClose }: { onClose(): void }): ReactNode {
  const place = usePageState((state) => state.place);
  const keys = [...(place === "peers" ? PEERS : place === "grants" ? GRANTS : FLEET), ...ALWAYS];
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="facts keys">
        {keys.map(([key, does]) => (
          <div key={key} className="keys-row">
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
