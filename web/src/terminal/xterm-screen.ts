// The screen of a terminal: xterm.js in the page's letters and colours. It comes in a piece of its own when somebody opens
// a terminal. Whatever a device writes stays within its rows (closed-sequences.ts).
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import type { ShellSize } from "../../../src/client/commands/remote-shell.ts";
import { utf8 } from "../../../src/protocol/bytes.ts";
import { closeSequences } from "./closed-sequences.ts";
import type { TerminalScreen } from "./terminal-desk.ts";
import { isForBrowser, pastedText, touchedKey, type TouchKey } from "./terminal-keys.ts";
import { TerminalText } from "./terminal-text.ts";
import { terminalLook, watchLook } from "./terminal-theme.ts";
import { scrollByTouch } from "./touch-scroll.ts";

const SCROLLBACK_ROWS = 1_000;
const LINE_HEIGHT = 1.2;
/** Ends what was begun and not ended, then all as it was at first: nothing of an earlier session reaches into this one. */
const ANEW = "\u0018\u001Bc";

export interface XtermScreenOptions {
  /** For who hears the page. */
  label: string;
  isReadAloud: boolean;
  typed(bytes: Uint8Array): void;
  resized(size: ShellSize): void;
}

export class XtermScreen implements TerminalScreen {
  readonly #terminal: Terminal;
  readonly #stop: (() => void)[];
  #text = new TerminalText();

  /** Takes all the room of `place`, and keeps to it. */
  constructor(place: HTMLElement, { label, isReadAloud, typed, resized }: XtermScreenOptions) {
    const { fontFamily, fontSize } = getComputedStyle(place);
    // `windowOptions` stay off, as they are: a program neither moves the window nor reads its title.
    const terminal = new Terminal({
      ...terminalLook(place),
      fontFamily,
      fontSize: Number.parseFloat(fontSize),
      lineHeight: LINE_HEIGHT,
      scrollback: SCROLLBACK_ROWS,
      drawBoldTextInBrightColors: false,
      screenReaderMode: isReadAloud,
      logLevel: "off",
    });
    this.#terminal = terminal;
    closeSequences(terminal.parser);
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(place);
    terminal.textarea?.setAttribute("aria-label", label);
    terminal.attachCustomKeyEventHandler((event) => !isForBrowser(event, terminal.hasSelection()));
    fitTo(fit, terminal);

    terminal.onData((text) => typed(utf8(text)));
    // Reports of the mouse as they were before UTF-8.
    terminal.onBinary((text) => typed(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    terminal.onResize(resized);
    const paste = (event: ClipboardEvent): void => {
      event.preventDefault();
      event.stopPropagation();
      terminal.paste(pastedText(event.clipboardData?.getData("text/plain") ?? ""));
    };
    // What was copied once is not copied again by who wants to interrupt.
    const copied = (): void => terminal.clearSelection();
    place.addEventListener("paste", paste, { capture: true });
    place.addEventListener("copy", copied);
    const observer = new ResizeObserver(() => fitTo(fit, terminal));
    observer.observe(place);
    this.#stop = [
      () => place.removeEventListener("paste", paste, { capture: true }),
      () => place.removeEventListener("copy", copied),
      () => observer.disconnect(),
      scrollByTouch(place, {
        rowHeightPx: () => place.clientHeight / terminal.rows,
        scroll: (rows, touched) => scrollRows(terminal, rows, touched),
      }),
      watchLook(() => Object.assign(terminal.options, terminalLook(place))),
    ];
  }

  get size(): ShellSize {
    const { cols, rows } = this.#terminal;
    return { cols, rows };
  }

  clear(): void {
    this.#text = new TerminalText();
    this.#terminal.write(ANEW);
  }

  write(bytes: Uint8Array, shown: () => void): void {
    this.#terminal.write(this.#text.read(bytes), shown);
  }

  focus(): void {
    this.#terminal.focus();
  }

  touch(key: TouchKey): void {
    this.#terminal.input(touchedKey(key, this.#terminal.modes));
  }

  readAloud(on: boolean): void {
    this.#terminal.options.screenReaderMode = on;
  }

  close(): void {
    for (const stop of this.#stop) stop();
    this.#terminal.dispose();
  }
}

/** Not at all while it has no room: a part of the page that is not shown. */
function fitTo(fit: FitAddon, terminal: Terminal): void {
  const room = fit.proposeDimensions();
  if (room === undefined || !Number.isFinite(room.cols + room.rows)) return;
  const [cols, rows] = [Math.min(500, room.cols), Math.min(200, room.rows)];
  if (cols !== terminal.cols || rows !== terminal.rows) terminal.resize(cols, rows);
}

/** What is kept; or the program that has the whole screen, by the wheel that it may hear. */
function scrollRows(terminal: Terminal, rows: number, touched: EventTarget): void {
  if (terminal.buffer.active.type === "normal") return terminal.scrollLines(rows);
  const turn = { deltaY: Math.sign(rows), deltaMode: WheelEvent.DOM_DELTA_LINE };
  for (let at = 0; at < Math.abs(rows); at++) {
    touched.dispatchEvent(new WheelEvent("wheel", { ...turn, bubbles: true, cancelable: true }));
  }
}
