// What a browser calls itself, for the name that a person sees in lists: "Firefox on Linux". A guess from the
// user agent, offered and editable, never relied on.

const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bCriOS\/|Chrome\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];

const SYSTEMS: readonly [RegExp, string][] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bMac OS X\b/, "macOS"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

export function browserName(userAgent: string): string {
  const system = systemName(userAgent);
  const browser = find(BROWSERS, userAgent) ?? "Browser";
  return system === undefined ? browser : `${browser} on ${system}`;
}

export function systemName(userAgent: string): string | undefined {
  return find(SYSTEMS, userAgent);
}

function find(table: readonly [RegExp, string][], userAgent: string): string | undefined {
  return table.find(([pattern]) => pattern.test(userAgent))?.[1];
}
