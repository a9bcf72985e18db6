// What a link offers: which device, by whom, where, for how long, and what it lets a person do.
import type { ReactNode } from "react";
import { kindWord } from "../fleet/kind-word.ts";
import { exact, until } from "../format/time.ts";
import { useHubNow } from "../state/use-page.ts";
import type { OpenOffer } from "./claim-state.ts";

export function Offer({ offer: { device, by, expires_at } }: { offer: OpenOffer }): ReactNode {
  const now = useHubNow();
  const who = by ?? "Its owner";
  return (
    <>
      <h1>{device.name} is shared with you</h1>
      <p>
        <b>{who}</b> lets you command <b>{device.name}</b> ({kindWord(device.kind)}) at{" "}
        <span className="mono">{location.host}</span>, beside them and under a key of your own. There you may
      </p>
      <ul className="claim-rights">
        <li>run programs and open terminals, as the user that Muster runs as</li>
        <li>see its tasks and their output, open its services, forward its ports</li>
        <li>use what it offers: models, texts, tools</li>
      </ul>
      <p>
        You see no other device of {by ?? "its owner"}, and {by ?? "its owner"} none of yours.{" "}
        {expires_at === null ? (
          "You had it before, and let it go."
        ) : (
          <>
            The link works once and ends <span title={exact(expires_at)}>{until(expires_at, now)}</span>.
          </>
        )}
      </p>
    </>
  );
}
