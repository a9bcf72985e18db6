// The line that stays: which hub this is, whether the page hears it, and the page's own few controls.
import { useEffect, useState, type ReactNode } from "react";
import { AccountDialog } from "./account/AccountDialog.tsx";
import { KeysDialog } from "./KeysDialog.tsx";
import { StateMark } from "./parts/StateMark.tsx";
import { isTyping } from "./platform/is-typing.ts";
import { nextTheme, rememberedTheme, showTheme } from "./platform/theme.ts";
import { usePageState } from "./state/use-page.ts";

export function Header(): ReactNode {
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
      if (event.key !== "?" || isTyping(event)) return;
      event.preventDefault();
      setDialog("keys");
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);

  return (
    <header className="top">
      <span className="word">muster</span>
      <span className="hub mono">{location.host}</span>
      {screen === "fleet" ? <HubLinkState /> : null}
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
