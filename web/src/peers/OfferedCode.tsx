// A code that waits to be entered elsewhere: large, as a picture for a camera, with its time running out.
import type { ReactNode } from "react";
import { PAIRING_LIFETIME_MS } from "../../../src/protocol/pairing-code.ts";
import { countdown } from "../format/time.ts";
import { Command } from "../parts/Command.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { QrCode } from "../parts/QrCode.tsx";
import { isOnlyHere } from "../share/reach.ts";
import { useNow } from "../state/use-page.ts";
import type { Pairing } from "./peers-state.ts";
import { usePeers } from "./use-peers.ts";

export interface OfferedCodeProps {
  offer: Extract<Pairing, { at: "offered" }>;
}

export function OfferedCode({ offer: { code, link, expiresAt } }: OfferedCodeProps): ReactNode {
  const peers = usePeers();
  const now = useNow();
  return (
    <section className="pairing">
      <h2>Enter this on the other device</h2>
      <p className="offered">
        <output className="code" aria-label={`Pairing code ${code.split("").join(" ")}`}>
          {code}
        </output>
        <CopyButton text={code} what="pairing code" />
      </p>
      <p>In a terminal there:</p>
      <Command>{`muster pair ${code}`}</Command>
      {isOnlyHere(link) ? (
        <p className="faint">This hub is open on its own machine only, so there is no QR code for a phone.</p>
      ) : (
        <>
          <p>A phone needs no program, only its camera:</p>
          <QrCode text={link} label="QR code of the pairing link" />
        </>
      )}
      <div className="form-end split">
        <button type="button" className="button" onClick={peers.leavePairing}>
          Cancel
        </button>
        <span className="faint numbers" role="timer" aria-live="off">
          Works for one try, ends in {countdown(Math.min(expiresAt - now, PAIRING_LIFETIME_MS))}
        </span>
      </div>
    </section>
  );
}
