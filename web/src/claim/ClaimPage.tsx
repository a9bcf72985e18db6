// A link that shares a device was opened. Nothing is spent until the button is pressed, so that previews spend nothing.
import type { ReactNode } from "react";
import { FleetPage } from "../fleet/FleetPage.tsx";
import { Problem } from "../parts/Problem.tsx";
import { usePage, usePageState } from "../state/use-page.ts";
import type { ClaimState, OpenOffer } from "./claim-state.ts";
import { ForMachines } from "./ForMachines.tsx";
import { NewcomerForm } from "./NewcomerForm.tsx";
import { Offer } from "./Offer.tsx";
import { TakeIt } from "./TakeIt.tsx";
import { TakenScreen } from "./TakenScreen.tsx";

export function ClaimPage(): ReactNode {
  const page = usePage();
  const claim = usePageState((state) => state.claim);
  switch (claim.at) {
    case "none":
      return <FleetPage />;
    case "reading":
      return <p className="waiting faint">Asking the hub what is shared…</p>;
    case "unread":
      return (
        <section className="card">
          <Problem what="The hub did not say what is shared" problem={claim.problem}>
            <button type="button" className="button" onClick={page.claims.look}>
              Try again
            </button>
          </Problem>
        </section>
      );
    case "malformed":
      return (
        <Ended title="This link is not complete">
          Copy all of it, also what stands behind <span className="mono">#</span>, and open it again.
        </Ended>
      );
    case "over":
      return <Over why={claim.why} />;
    case "offered":
      return <Offered offer={claim.offer} />;
    case "taken":
      return <TakenScreen taken={claim.taken} />;
  }
}

function Offered({ offer }: { offer: OpenOffer }): ReactNode {
  if (offer.relation === "own") {
    return (
      <Ended title={`${offer.device.name} is your own`}>
        This link is for somebody else, and still good. Send it to whom you share {offer.device.name} with.
      </Ended>
    );
  }
  if (offer.relation === "shared") {
    return (
      <Ended title={`You command ${offer.device.name} already`}>
        This link was not needed, and is still good: tell whoever sent it.
      </Ended>
    );
  }
  return (
    <section className="card claim">
      <Offer offer={offer} />
      <WayToTake offer={offer} />
    </section>
  );
}

function WayToTake({ offer }: { offer: OpenOffer }): ReactNode {
  const signedIn = usePageState((state) => state.user !== null);
  if (signedIn) return <TakeIt offer={offer} />;
  return offer.browsers ? <NewcomerForm offer={offer} /> : <ForMachines offer={offer} />;
}

type Why = Extract<ClaimState, { at: "over" }>["why"];

const OVER: Record<Why, [title: string, says: string]> = {
  spent: [
    "This link was used",
    "It works once. If that was not you, tell whoever sent it at once: somebody else commands the device.",
  ],
  mine: ["You have it already", "This link was used by you, and works once."],
  over: ["This link’s time is over", "Ask whoever sent it for a new one."],
  withdrawn: [
    "This device is shared no more",
    "Its owner has taken the link back, or removed the device. Ask whoever sent it.",
  ],
  unknown: [
    "This hub knows no such link",
    "It may be of another hub, or not whole. Compare its address with the one you were sent.",
  ],
};

function Over({ why }: { why: Why }): ReactNode {
  const [title, says] = OVER[why];
  return <Ended title={title}>{says}</Ended>;
}

function Ended({ title, children }: { title: string; children: ReactNode }): ReactNode {
  const page = usePage();
  const signedIn = usePageState((state) => state.user !== null);
  return (
    <section className="card">
      <h1>{title}</h1>
      <p>{children}</p>
      <div className="form-end">
        <button type="button" className="button primary" onClick={page.claims.done} autoFocus>
          {signedIn ? "Show my devices" : "Sign in"}
        </button>
      </div>
    </section>
  );
}
