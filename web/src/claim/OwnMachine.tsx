// A first machine for whoever came by a browser alone: the words let it in, and then make it the keeper of the owner
// log, which is what a home is to every other owner.
import { useState, type ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { exact, until } from "../format/time.ts";
import { Command } from "../parts/Command.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { MarkShape } from "../parts/StateMark.tsx";
import { isOnlyHere } from "../share/reach.ts";
import { useHubNow, usePage } from "../state/use-page.ts";
import type { MachineInvite } from "./claim-session.ts";
import { WordsForm } from "./WordsForm.tsx";

export function AddOwnMachine({ onClose }: { onClose(): void }): ReactNode {
  const page = usePage();
  const [invite, setInvite] = useState<MachineInvite | null>(null);
  const make = async (words: string): Promise<void> => setInvite(await page.claims.inviteMachine(words));
  return (
    <Dialog title="Add a machine of yours" onClose={onClose}>
      {invite === null ? (
        <>
          <p>Your words let it in. It may publish, and be commanded by you, as what is shared with you is.</p>
          <WordsForm does="Make a token" failed="No token was made" run={make} />
        </>
      ) : (
        <Invited invite={invite} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Invited({ invite, onClose }: { invite: MachineInvite; onClose(): void }): ReactNode {
  const now = useHubNow();
  return (
    <>
      <p>
        Run this on the machine. It is shown once, and ends{" "}
        <span title={exact(invite.expiresAt)}>{until(invite.expiresAt, now)}</span>.
      </p>
      <Command>{invite.line}</Command>
      {isOnlyHere(invite.hubUrl) ? (
        <p className="warning">
          <MarkShape mark="degraded" />
          <span>No other machine than this one reaches {invite.hubUrl}.</span>
        </p>
      ) : null}
      <p className="faint">
        Once it is here, open its details: there it can take the place of your words, and browsers are let in
        by it.
      </p>
      <div className="form-end">
        <button type="button" className="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </>
  );
}

/** In the details of such a machine. */
export function TrustMachine({ device }: { device: DeviceView }): ReactNode {
  const page = usePage();
  const [asking, setAsking] = useState(false);
  const trust = async (words: string): Promise<void> => {
    await page.claims.trustMachine(words, device.id);
    setAsking(false);
  };
  return (
    <div className="actions">
      <button type="button" className="button" onClick={() => setAsking(true)}>
        Let it keep your devices…
      </button>
      {asking ? (
        <Dialog title={`Let ${device.name} keep your devices?`} onClose={() => setAsking(false)}>
          <div className="prose">
            <p>
              {device.name} may then command what you may, let in browsers and machines, and remove them. This
              page takes and lets go of devices no more: {device.name} does.
            </p>
            <p>Your words keep one use: to take all of it back, should its key be stolen.</p>
          </div>
          <WordsForm
            does={`Let ${device.name} keep them`}
            failed={`${device.name} keeps nothing`}
            run={trust}
          />
        </Dialog>
      ) : null}
    </div>
  );
}
