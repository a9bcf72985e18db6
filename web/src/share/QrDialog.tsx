// The address of a share as a picture, for the phone beside the screen.
import type { ReactNode } from "react";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { QrCode } from "../parts/QrCode.tsx";
import { isOnlyHere } from "./reach.ts";

export function QrDialog({ name, url, onClose }: { name: string; url: string; onClose(): void }): ReactNode {
  return (
    <Dialog title={name} onClose={onClose}>
      <QrCode text={url} />
      <p className="qr-address">
        <span className="mono">{url}</span>
        <CopyButton text={url} what="address" />
      </p>
      {isOnlyHere(url) ? (
        <p className="faint">This address works on the machine that runs the hub, and not on a phone.</p>
      ) : null}
    </Dialog>
  );
}
