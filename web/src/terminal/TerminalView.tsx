// A terminal's screen as text, and the field that hears the keyboard. Whatever a device writes is text here, with one
// of a few looks; nothing of it is markup.
import {
  memo,
  useEffect,
  useLayoutEffect,
  useRef,
  type ClipboardEvent,
  type CSSProperties,
  type KeyboardEvent,
  type ReactNode,
} from "react";
import { cellLook } from "./cell-look.ts";
import type { Run } from "./row.ts";
import type { TerminalDesk, TerminalState } from "./terminal-desk.ts";
import { pastedText, typedKey } from "./typed-keys.ts";

export interface TerminalViewProps {
  desk: TerminalDesk;
  /** Another one is another picture. */
  state: TerminalState;
  name: string;
}

export function TerminalView({ desk, state, name }: TerminalViewProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const measure = useRef<HTMLSpanElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const isAtEnd = useRef(true);

  useEffect(() => {
    const box = place.current;
    const letter = measure.current;
    if (box === null || letter === null) return undefined;
    const fit = (): void => {
      const { width, height } = letter.getBoundingClientRect();
      const { paddingInlineStart, paddingBlockStart } = getComputedStyle(box);
      const inside = (size: number, padding: string): number => size - 2 * Number.parseFloat(padding);
      const cols = inside(box.clientWidth, paddingInlineStart) / (width / LETTERS);
      const rows = inside(box.clientHeight, paddingBlockStart) / height;
      desk.resize({ cols: within(cols, 500), rows: within(rows, 200) });
    };
    const observer = new ResizeObserver(fit);
    observer.observe(box);
    fit();
    field.current?.focus({ preventScroll: true });
    return () => observer.disconnect();
  }, [desk]);

  useLayoutEffect(() => {
    const box = place.current;
    if (box !== null && isAtEnd.current) box.scrollTop = box.scrollHeight;
  });

  const scrolled = (): void => {
    const box = place.current;
    if (box !== null) isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
  };
  const type = (text: string): void => {
    isAtEnd.current = true;
    desk.type(text);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    const isCopying = event.ctrlKey && event.key === "c" && window.getSelection()?.isCollapsed === false;
    const typed = isCopying ? undefined : typedKey(event, desk.screen.wants);
    if (typed === undefined) return;
    event.preventDefault();
    type(typed);
  };
  const written = (): void => {
    const area = field.current;
    if (area === null || area.value === "") return;
    type(area.value.replaceAll("\n", "\r"));
    area.value = "";
  };
  const paste = (event: ClipboardEvent): void => {
    event.preventDefault();
    type(pastedText(event.clipboardData.getData("text/plain"), desk.screen.wants));
  };
  const focus = (): void => {
    // Who is selecting text to copy it does not want the selection to go.
    if (window.getSelection()?.isCollapsed !== false) field.current?.focus({ preventScroll: true });
  };

  const { screen } = desk;
  const { cursor } = screen;
  const at: CSSProperties | undefined =
    cursor === undefined ? undefined : ({ "--row": cursor.row, "--col": cursor.col } as CSSProperties); // custom properties
  return (
    <div className="terminal-frame" data-at={state.at}>
      <div ref={place} className="terminal mono" onMouseUp={focus} onScroll={scrolled}>
        <div className="terminal-rows">
          {screen.rows.map((row) => (
            <TerminalRow key={row.id} runs={row.runs()} />
          ))}
          {at === undefined ? null : <span className="terminal-cursor" style={at} />}
          <textarea
            ref={field}
            className="terminal-field"
            style={at}
            aria-label={`Terminal of ${name}`}
            autoCapitalize="off"
            autoComplete="off"
            autoCorrect="off"
            spellCheck={false}
            onKeyDown={press}
            onInput={(event) => event.nativeEvent.isComposing || written()}
            onCompositionEnd={written}
            onPaste={paste}
          />
        </div>
        <span ref={measure} className="terminal-measure" aria-hidden="true">
          {"0".repeat(LETTERS)}
        </span>
      </div>
      <TouchKeys onKey={(key) => type(typedKey({ ...NONE, ...key }, screen.wants) ?? "")} />
    </div>
  );
}

/** So many are measured together: one alone is a fraction of a pixel wrong. */
const LETTERS = 50;
const NEAR_PX = 24;

function within(count: number, most: number): number {
  return Math.min(most, Math.max(2, Math.floor(count)));
}

const TerminalRow = memo(function TerminalRow({ runs }: { runs: readonly Run[] }): ReactNode {
  return (
    <div className="terminal-row">
      {runs.map(({ text, style }, at) => {
        const look = cellLook(style);
        // A run has no name but its place.
        // oxlint-disable-next-line react/no-array-index-key
        return look === undefined ? (
          text
        ) : (
          <span key={at} {...look}>
            {text}
          </span>
        );
      })}
    </div>
  );
});

const NONE = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false };
const TOUCH: readonly { says: string; key: string; ctrlKey?: true }[] = [
  { says: "Esc", key: "Escape" },
  { says: "Tab", key: "Tab" },
  { says: "^C", key: "c", ctrlKey: true },
  { says: "^D", key: "d", ctrlKey: true },
  { says: "↑", key: "ArrowUp" },
  { says: "↓", key: "ArrowDown" },
  { says: "←", key: "ArrowLeft" },
  { says: "→", key: "ArrowRight" },
];

/** What the keyboards of phones lack. */
function TouchKeys({ onKey }: { onKey(key: { key: string; ctrlKey?: true }): void }): ReactNode {
  return (
    <div className="terminal-keys">
      {TOUCH.map(({ says, ...key }) => (
        <button
          key={says}
          type="button"
          className="button"
          aria-label={key.ctrlKey === true ? `Control ${key.key.toUpperCase()}` : key.key}
          // The field keeps the focus, and the phone its keyboard.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onKey(key)}
        >
          {says}
        </button>
      ))}
    </div>
  );
}
