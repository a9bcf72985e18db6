// The place of a terminal's screen, which is loaded when it is wanted; and under it what the keyboards of phones lack.
import { useEffect, useRef, useState, type ReactNode } from "react";
import { MusterError } from "../../../src/protocol/errors.ts";
import { isReadAloud, rememberReadAloud } from "./read-aloud.ts";
import type { TerminalDesk, TerminalState } from "./terminal-desk.ts";
import type { TouchKey } from "./terminal-keys.ts";
import type { XtermScreen } from "./xterm-screen.ts";

export interface TerminalViewProps {
  desk: TerminalDesk;
  at: TerminalState["at"];
  name: string;
}

export function TerminalView({ desk, at, name }: TerminalViewProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const [screen, setScreen] = useState<XtermScreen | null>(null);
  const [aloud, setAloud] = useState(() => isReadAloud(localStorage));

  useEffect(() => {
    const box = place.current;
    if (box === null) return undefined;
    let isGone = false;
    let opened: XtermScreen | undefined;
    const open = async (): Promise<void> => {
      try {
        const { XtermScreen } = await import("./xterm-screen.ts");
        if (isGone) return;
        opened = new XtermScreen(box, {
          label: `Terminal of ${name}`,
          isReadAloud: isReadAloud(localStorage),
          typed: (bytes) => desk.type(bytes),
          resized: (size) => desk.resize(size),
        });
        setScreen(opened);
        desk.show(opened);
        opened.focus();
      } catch {
        if (!isGone) desk.hide(notLoaded());
      }
    };
    void open();
    return () => {
      isGone = true;
      desk.hide();
      opened?.close();
    };
  }, [desk, name]);

  const readAloud = (on: boolean): void => {
    rememberReadAloud(localStorage, on);
    setAloud(on);
    screen?.readAloud(on);
  };
  return (
    <div className="terminal-frame" data-at={at}>
      <label className="terminal-aloud">
        <input type="checkbox" checked={aloud} onChange={(event) => readAloud(event.target.checked)} />
        Read this terminal to a screen reader
      </label>
      <div className="terminal-box mono">
        <div ref={place} className="terminal-place" />
      </div>
      <TouchKeys onKey={(key) => screen?.touch(key)} />
    </div>
  );
}

/** A page that is older than its hub names a piece that is there no more. */
function notLoaded(): MusterError {
  return new MusterError("unavailable", "the page's part that draws it could not be loaded", {
    hint: "load the page anew",
  });
}

const TOUCH: readonly { says: string; key: TouchKey }[] = [
  { says: "Esc", key: "Escape" },
  { says: "Tab", key: "Tab" },
  { says: "^C", key: "Control C" },
  { says: "^D", key: "Control D" },
  { says: "↑", key: "Up" },
  { says: "↓", key: "Down" },
  { says: "←", key: "Left" },
  { says: "→", key: "Right" },
];

/** What the keyboards of phones lack. */
function TouchKeys({ onKey }: { onKey(key: TouchKey): void }): ReactNode {
  return (
    <div className="terminal-keys">
      {TOUCH.map(({ says, key }) => (
        <button
          key={key}
          type="button"
          className="button"
          aria-label={key}
          // The terminal keeps the focus, and the phone its keyboard.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onKey(key)}
        >
          {says}
        </button>
      ))}
    </div>
  );
}
