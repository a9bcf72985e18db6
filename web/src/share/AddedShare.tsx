// What came of adding: the address, the password this one time, and what the machine warned about.
import type { ReactNode } from "react";
import type { CommandResponse } from "../../../src/client/command.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { QrCode } from "../parts/QrCode.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { isOnlyHere } from "./reach.ts";

export interface AddedShareProps {
  added: CommandResponse<"share.add">;
  onClose(): void;
}

export function AddedShare({ added: { share, password, warnings }, onClose }: AddedShareProps): ReactNode {
  return (
    <Dialog title={`${share.name} is shared`} onClose={onClose}>
      <dl className="facts">
        <dt>Address</dt>
        <dd>
          <a className="mono" href={share.url} target="_blank" rel="noreferrer">
            {share.url}
          </a>
          <CopyButton text={share.url} what="address" />
        </dd>
        {password === undefined ? null : (
          <>
            <dt>Password</dt>
            <dd>
              <code className="once">{password}</code>
              <CopyButton text={password} what="password" />
              <p className="faint">Shown this once: only a check of it is kept.</p>
            </dd>
          </>
        )}
      </dl>
      {warnings.map((warning) => (
        <p key={warning} className="warning">
          <MarkShape mark="degraded" />
          <span>{warning}</span>
        </p>
      ))}
      {isOnlyHere(share.url) ? null : <QrCode text={share.url} />}
      <div className="form-end">
        <button type="button" className="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
