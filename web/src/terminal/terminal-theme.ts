// The page's own colours as the emulator takes them: read from the style sheet, so that its test holds for what is seen.
import type { ITheme } from "@xterm/xterm";

const COLOURS = [
  ["foreground", "ink"],
  ["background", "raised"],
  ["cursor", "ink"],
  ["cursorAccent", "raised"],
  ["selectionBackground", "accent"],
  ["black", "cell-0"],
  ["red", "cell-1"],
  ["green", "cell-2"],
  ["yellow", "cell-3"],
  ["blue", "cell-4"],
  ["magenta", "cell-5"],
  ["cyan", "cell-6"],
  ["white", "cell-7"],
  ["brightBlack", "cell-8"],
  ["brightRed", "cell-9"],
  ["brightGreen", "cell-10"],
  ["brightYellow", "cell-11"],
  ["brightBlue", "cell-12"],
  ["brightMagenta", "cell-13"],
  ["brightCyan", "cell-14"],
  ["brightWhite", "cell-15"],
] as const satisfies readonly (readonly [keyof ITheme, string])[];

const DARK = "(prefers-color-scheme: dark)";
const MORE_CONTRAST = "(prefers-contrast: more)";

export interface TerminalLook {
  theme: ITheme;
  /** For colours that are a program's own. */
  minimumContrastRatio: number;
}

export function terminalLook(place: HTMLElement): TerminalLook {
  const probe = place.ownerDocument.createElement("span");
  probe.hidden = true;
  place.append(probe);
  const theme: ITheme = {};
  for (const [name, token] of COLOURS) {
    // A mix in sRGB is given back as numbers of sRGB, whatever the colour is written in.
    probe.style.color = `color-mix(in srgb, var(--${token}), var(--${token}))`;
    const colour = hexOf(getComputedStyle(probe).color);
    if (colour !== undefined) theme[name] = colour;
  }
  probe.remove();
  return { theme, minimumContrastRatio: matchMedia(MORE_CONTRAST).matches ? 7 : 4.5 };
}

/** Calls `changed` when the system's colours change, or a person chooses others; returns how to stop. */
export function watchLook(changed: () => void): () => void {
  const queries = [matchMedia(DARK), matchMedia(MORE_CONTRAST)];
  for (const query of queries) query.addEventListener("change", changed);
  const chosen = new MutationObserver(changed);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    for (const query of queries) query.removeEventListener("change", changed);
    chosen.disconnect();
  };
}

/** `#rrggbb` of `color(srgb 1 0.5 0)`; undefined for anything else. */
export function hexOf(computed: string): string | undefined {
  const found = /^color\(srgb ([-\d.e]+) ([-\d.e]+) ([-\d.e]+)/.exec(computed);
  if (found === null) return undefined;
  const channel = (part: string): string =>
    Math.round(255 * Math.min(1, Math.max(0, Number(part))))
      .toString(16)
      .padStart(2, "0");
  return `#${found.slice(1).map(channel).join("")}`;
}
