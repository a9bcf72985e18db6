// The line that stays: which hub this is, whether the page hears it, and the page's own few controls.
import { useEffect, useState, type MouseEvent, type ReactNode } from "react";
import { AccountDialog } from "./account/AccountDialog.tsx";
import { KeysDialog } from "./KeysDialog.tsx";
import { StateMark } from "./parts/StateMark.tsx";
import { isTyping } from "./platform/is-typing.ts";
import { nextTheme, rememberedTheme, showTheme } from "./platform/theme.ts";
import { unreadInAll } from "./peers/talk.ts";
import { usePeersState } from "./peers/use-peers.ts";
import { pathOf, type Place } from "./session/place.ts";
import { usePage, usePageState } from "./state/use-page.ts";

export function Header(): ReactNode {
  const page = usePage();
  const screen = usePageState((state) => state.screen.at);
  const user = usePageState((state) => (state.servedByAgent ? null : state.user));
  const [dialog, setDialog] = useState<"keys" | "account" | null>(null);
  const [theme, setTheme] = useState(() => rememberedTheme(localStorage));

  const changeTheme = (): void => {
    const next = nextTheme(theme);
    showTheme(next, document.documentElement, localStorage);
    setTheme(next);
  };

  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (isTyping(event) || !["?", "g", "s"].includes(event.key)) return;
      event.preventDefault();
      const { screen, place } = page.store.get();
      if (event.key === "?") setDialog("keys");
      else if (screen.at === "open" && event.key === "s") page.go("search");
      else if (screen.at === "open") page.go(place === "peers" ? "fleet" : "peers");
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [page]);

  return (
    <header className="top">
      <span className="word">muster</span>
      <span className="hub mono">{location.host}</span>
      {screen === "open" ? <HubLinkState /> : null}
      {screen === "guest" ? <GuestLinkState /> : null}
      {screen === "open" ? <Places /> : null}
      <span className="top-end">
        <button
          type="button"
          className="button quiet"
          onClick={changeTheme}
          aria-label={`Theme: ${theme}. Change it`}
        >
          <span className="steady" data-widest="System">
            {theme === "system" ? "System" : theme === "light" ? "Light" : "Dark"}
          </span>
        </button>
        <button
          type="button"
          className="button quiet wide-only"
          aria-keyshortcuts="?"
          onClick={() => setDialog("keys")}
        >
          Keys
        </button>
        {user === null ? null : (
          <button type="button" className="button quiet" onClick={() => setDialog("account")}>
            {user.name}
          </button>
        )}
      </span>
      {dialog === "keys" ? <KeysDialog onClose={() => setDialog(null)} /> : null}
      {dialog === "account" ? <AccountDialog onClose={() => setDialog(null)} /> : null}
    </header>
  );
}

function Places(): ReactNode {
  const unread = usePeersState((state) => unreadInAll(state.talks));
  const servedByAgent = usePageState((state) => state.servedByAgent);
  if (servedByAgent) return null;
  return (
    <nav className="places" aria-label="Places">
      <PlaceLink to="fleet">Fleet</PlaceLink>
      <PlaceLink to="search">Search</PlaceLink>
      <PlaceLink to="peers">
        Messages{" "}
        {unread === 0 ? null : (
          <span className="unread numbers">
            {unread}
            <span className="unseen"> unread</span>
          </span>
        )}
      </PlaceLink>
    </nav>
  );
}

type PlainPlace = Exclude<Place, "machine">;

function PlaceLink({ to, children }: { to: PlainPlace; children: ReactNode }): ReactNode {
  const page = usePage();
  const isHere = usePageState((state) => state.place === to);
  const go = (event: MouseEvent): void => {
    // Another tab or window is the browser's to open.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    page.go(to);
  };
  return (
    <a href={pathOf(to)} aria-current={isHere ? "page" : undefined} onClick={go}>
      {children}
    </a>
  );
}

function GuestLinkState(): ReactNode {
  const at = usePeersState((state) => state.session.at);
  switch (at) {
    case "ready":
      return <StateMark state={{ mark: "live", word: "connected", reason: null }} />;
    case "connecting":
      return <StateMark state={{ mark: "unknown", word: "connecting", reason: null }} />;
    case "lost":
      return <StateMark state={{ mark: "dead", word: "not connected", reason: null }} />;
    case "off":
    case "refused":
      return null;
  }
}

function HubLinkState(): ReactNode {
  const at = usePageState((state) => state.hubLink.at);
  switch (at) {
    case "ready":
      return <StateMark state={{ mark: "live", word: "connected", reason: null }} />;
    case "connecting":
      return <StateMark state={{ mark: "unknown", word: "connecting", reason: null }} />;
    case "lost":
      return <StateMark state={{ mark: "dead", word: "not connected", reason: null }} />;
  }
}
