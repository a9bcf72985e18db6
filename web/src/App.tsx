// The page's frame, and which of its few screens is shown.
import { type ReactNode } from "react";
import { ClaimPage } from "./claim/ClaimPage.tsx";
import { ApproveDevice } from "./device/ApproveDevice.tsx";
import { FleetPage } from "./fleet/FleetPage.tsx";
import { GrantsPage } from "./grants/GrantsPage.tsx";
import { Header } from "./Header.tsx";
import { MachinePage } from "./machine/MachinePage.tsx";
import { Command } from "./parts/Command.tsx";
import { PeersPage } from "./peers/PeersPage.tsx";
import { Problem } from "./parts/Problem.tsx";
import { LoginLinkScreen } from "./sign-in/LoginLinkScreen.tsx";
import { SearchPage } from "./search/SearchPage.tsx";
import { SignInScreen } from "./sign-in/SignInScreen.tsx";
import type { Place } from "./session/place.ts";
import { usePage, usePageState } from "./state/use-page.ts";

export function App(): ReactNode {
  const said = usePageState((state) => state.said);
  return (
    <>
      <Header />
      <main>
        <CurrentScreen />
      </main>
      <div className="unseen" aria-live="polite">
        {said}
      </div>
    </>
  );
}

function CurrentScreen(): ReactNode {
  const page = usePage();
  const screen = usePageState((state) => state.screen);
  switch (screen.at) {
    case "starting":
      return null;
    case "insecure":
      return <Insecure />;
    case "login_link":
      return <LoginLinkScreen link={screen.link} />;
    case "claim":
      return <ClaimPage />;
    case "sign_in":
      return <SignInScreen />;
    case "elsewhere":
      return (
        <section className="card">
          <h1>Open in another tab</h1>
          <p>One tab of a browser holds the session. The other one goes on with it until you take it over.</p>
          <div className="form-end">
            <button type="button" className="button primary" onClick={page.takeOver} autoFocus>
              Use this tab
            </button>
          </div>
        </section>
      );
    case "open":
      return <OpenPlace />;
    case "guest":
      return <PeersPage />;
    case "broken":
      return (
        <section className="card">
          <Problem what="This page could not start" problem={screen.problem}>
            <button type="button" className="button" onClick={page.wake}>
              Try again
            </button>
          </Problem>
        </section>
      );
  }
}

function OpenPlace(): ReactNode {
  const place = usePageState((state) => state.place);
  const servedByAgent = usePageState((state) => state.servedByAgent);
  switch (place) {
    case "fleet":
      return <FleetPage />;
    case "claim":
      return <ClaimPage />;
    case "device":
      return <ApproveDevice />;
    case "peers":
      // The machine that serves its own page pairs by itself; this browser is no device there.
      return servedByAgent ? <FleetPage /> : <PeersPage />;
    case "search":
      return servedByAgent ? <FleetPage /> : <SearchPage />;
    case "grants":
      return <GrantsPage />;
    case "machine":
      return <MachinePage />;
  }
}

const NOT_OVER_PLAIN_HTTP: Partial<Record<Place, string>> = {
  peers: "No pairing over plain HTTP",
  claim: "No device is taken over plain HTTP",
};

function Insecure(): ReactNode {
  const place = usePageState((state) => state.place);
  return (
    <section className="card">
      <h1>{NOT_OVER_PLAIN_HTTP[place] ?? "No sign-in over plain HTTP"}</h1>
      <p>
        At this address the browser offers no keys and keeps no protected cookies, so what is done here could
        be read and taken by anyone on the way. Open the page on the machine that runs the hub, or through a
        tunnel to it:
      </p>
      <Command>{`ssh -L 8080:localhost:${location.port === "" ? "80" : location.port} ${location.hostname}`}</Command>
      <p>
        Then open <span className="mono">http://muster.localhost:8080</span>. A domain with TLS works from
        everywhere.
      </p>
      {place === "claim" ? (
        <>
          <p>Or take the device on a machine of yours, with the whole link that you were given:</p>
          <Command>muster device claim 'LINK' --insecure</Command>
        </>
      ) : null}
    </section>
  );
}
