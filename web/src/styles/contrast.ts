// Contrast of two OKLCH colours, as WCAG 2 counts it. For the test that holds the page's tokens to 4.5:1.

export interface Oklch {
  lightness: number;
  chroma: number;
  /** Degrees. */
  hue: number;
}

/** Reads `oklch(0.5 0.1 250)`; undefined for anything else. */
export function parseOklch(text: string): Oklch | undefined {
  const found = /^oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)$/.exec(text.trim());
  if (found === null) return undefined;
  const [lightness = 0, chroma = 0, hue = 0] = found.slice(1).map(Number);
  return { lightness, chroma, hue };
}

/** From 1 (the same) to 21 (black on white). https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(a: Oklch, b: Oklch): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** Whether a screen that knows only sRGB can show the colour as it is written. */
export function isInSrgb(colour: Oklch): boolean {
  // A rounding error of one step in 255 is not seen.
  return linearSrgb(colour).every((channel) => channel >= -0.004 && channel <= 1.004);
}

/** Relative luminance of what an sRGB screen shows. */
function luminance(colour: Oklch): number {
  const [red = 0, green = 0, blue = 0] = linearSrgb(colour).map((channel) =>
    Math.min(1, Math.max(0, channel)),
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** https://bottosson.github.io/posts/oklab/ */
function linearSrgb({ lightness, chroma, hue }: Oklch): number[] {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}
