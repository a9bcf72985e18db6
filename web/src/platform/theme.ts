// Light or dark: what the system says, or what a person chose on this browser. The choice is an attribute of
// the root element; tokens.css does the rest.

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "muster-theme";

export function rememberedTheme(storage: Storage): Theme {
  const stored = readStored(storage);
  return THEMES.find((theme) => theme === stored) ?? "system";
}

export function showTheme(theme: Theme, root: HTMLElement, storage: Storage): void {
  if (theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
  try {
    storage.setItem(KEY, theme);
  } catch {
    // A browser that keeps nothing still shows the choice until the page is closed.
  }
}

export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
}

function readStored(storage: Storage): string | null {
  try {
    return storage.getItem(KEY);
  } catch {
    return null; // storage is switched off
  }
}
