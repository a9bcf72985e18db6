// Somebody opened the link behind a QR code. Who made it is shown by fingerprint, and nothing is said to anybody
// until the button is pressed.
import type { ReactNode } from "react";
import { Problem } from "../parts/Problem.tsx";
import { usePageState } from "../state/use-page.ts";
import type { PairingLink } from "../../../src/protocol/pairing-code.ts";
import { OwnName } from "./OwnName.tsx";
import { HubsWord } from "./HubsWord.tsx";
import { usePeers, usePeersState } from "./use-peers.ts";

export function Invitation({ link }: { link: PairingLink }): ReactNode {
  const peers = usePeers();
  const known = usePageState((state) => state.fleet?.devices.find(({ id }) => id === link.maker)?.name);
  const session = usePeersState((state) => state.session);
  const isOwn = usePeersState((state) => state.own?.id === link.maker);
  if (isOwn) {
    return (
      <section className="pairing">
        <h2>This link is of this browser</h2>
        <p>Open it on the other device: a device is not paired with itself.</p>
        <div className="form-end">
          <button type="button" className="button" onClick={peers.leavePairing}>
            Go on
          </button>
        </div>
      </section>
    );
  }
  return (
    <section className="pairing">
      <h2>Pair with {known ?? "this device"}?</h2>
      <p>It made the code that you scanned. Nothing has been sent to it yet.</p>
      <dl className="facts">
        <dt>Hub</dt>
        <dd className="mono">{location.host}</dd>
        <dt>Device</dt>
        <dd>{known ?? <span className="faint">says its name once the keys are exchanged</span>}</dd>
        <dt>Fingerprint</dt>
        <dd className="mono">{link.maker}</dd>
      </dl>
      <OwnName />
      {session.at === "lost" ? <Problem what="The hub is away" problem={session.problem} /> : null}
      <div className="form-end">
        <button type="button" className="button" onClick={peers.leavePairing}>
          Not now
        </button>
        <button
          type="button"
          className="button primary"
          disabled={session.at === "lost" || session.at === "connecting"}
          onClick={() => peers.acceptInvitation()}
          autoFocus
        >
          Pair
        </button>
      </div>
      <HubsWord />
    </section>
  );
}
