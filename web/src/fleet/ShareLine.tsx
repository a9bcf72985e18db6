// One share on one line: state, name, kind, address, proof with its age, who may visit.
import { useState, type ReactNode } from "react";
import type { ShareView } from "../../../src/protocol/views.ts";
import { latency } from "../format/size.ts";
import { until } from "../format/time.ts";
import { Age } from "../parts/Age.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { StateMark } from "../parts/StateMark.tsx";
import { wayIn } from "../share/access.ts";
import { QrDialog } from "../share/QrDialog.tsx";
import { ShareDetails } from "../share/ShareDetails.tsx";
import { useAsOf, useHubNow, usePageState } from "../state/use-page.ts";
import { LineName, toggleUnlessControl } from "./LineName.tsx";
import { shownShare } from "./shown-state.ts";

export interface ShareLineProps {
  share: ShareView;
  mayCommand: boolean;
  /** Its device is another owner's, whose accounts alone a share with access "login" lets in. */
  shared: boolean;
}

export function ShareLine({ share, mayCommand, shared }: ShareLineProps): ReactNode {
  const [open, setOpen] = useState(false);
  const moved = usePageState((state) => state.moved.has(share.id));
  const shown = shownShare(share, useAsOf());
  const toggle = (): void => setOpen(!open);
  return (
    <li id={share.id} className="entry share" data-moved={moved} data-open={open}>
      <div className="line" onClick={(event) => toggleUnlessControl(event, toggle)}>
        <StateMark state={shown} />
        <LineName name={share.name} open={open} onToggle={toggle} />
        <span className="cell-kind faint">{share.kind}</span>
        <span className="cell-address">
          <ShareAddress share={share} opens={!shared || share.access !== "login"} />
        </span>
        <span className="cell-proof">
          <Proof share={share} shownReason={shown.mark === "live" ? null : shown.reason} />
        </span>
        <span className="cell-more faint">
          {share.access}
          <Expires at={share.expires_at} />
        </span>
      </div>
      {open ? <ShareDetails share={share} mayCommand={mayCommand} /> : null}
    </li>
  );
}

function ShareAddress({ share, opens }: { share: ShareView; opens: boolean }): ReactNode {
  const [qr, setQr] = useState(false);
  return (
    <>
      {opens ? (
        <a className="mono address" href={wayIn(share)} target="_blank" rel="noreferrer" title={share.url}>
          {withoutScheme(share.url)}
        </a>
      ) : (
        <span className="mono address faint" title={`${share.url}: for accounts of its owner`}>
          {withoutScheme(share.url)}
        </span>
      )}
      <span className="address-tools">
        <CopyButton text={share.url} what={`address of ${share.name}`} />
        <button
          type="button"
          className="button quiet"
          data-qr
          aria-label={`QR code of ${share.name}`}
          onClick={() => setQr(true)}
        >
          QR
        </button>
      </span>
      {qr ? <QrDialog name={share.name} url={share.url} onClose={() => setQr(false)} /> : null}
    </>
  );
}

/** When all is well the number and its age; else why it is not, which matters more. */
function Proof({
  share: { proof },
  shownReason,
}: {
  share: ShareView;
  shownReason: string | null;
}): ReactNode {
  if (shownReason !== null)
    return (
      <span className="reason" title={shownReason}>
        {shownReason}
      </span>
    );
  if (proof.checked_at === null) return <span className="faint">not tried yet</span>;
  return (
    <span className="numbers">
      {proof.latency_ms === null ? "no answer" : latency(proof.latency_ms)}, <Age at={proof.checked_at} />
    </span>
  );
}

function Expires({ at }: { at: string | null }): ReactNode {
  const now = useHubNow();
  if (at === null) return null;
  const left = until(at, now);
  return left === "expired" ? " · expired" : ` · expires ${left}`;
}

/** Addresses are told apart by their hosts; the scheme is in the link and in the title. */
function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
