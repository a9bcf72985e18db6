// What the keyboard does, for whoever presses "?".
import type { ReactNode } from "react";
import { Dialog } from "./parts/Dialog.tsx";

const KEYS: readonly [string, string][] = [
  ["/", "filter devices and shares"],
  ["j  k", "next line, line before"],
  ["Enter", "open or close the line; from the filter to its first line"],
  ["o", "open the address of the line"],
  ["c", "copy the address of the line"],
  ["q", "QR code of the line"],
  ["a", "add a share"],
  ["Esc", "empty the filter, close a dialog"],
  ["?", "these keys"],
];

export function KeysDialog({ onClose }: { onClose(): void }): ReactNode {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="facts keys">
        {KEYS.map(([key, does]) => (
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
