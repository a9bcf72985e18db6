import { expect, test } from "bun:test";
import { cellLook } from "./cell-look.ts";
import { PLAIN, styled } from "./cell-style.ts";

const look = (...parameters: number[]) => {
  const shown = cellLook(styled(PLAIN, parameters));
  // Custom properties, which React's type does not know.
  return shown === undefined
    ? undefined
    : { className: shown.className, style: { ...shown.style } as object };
};

test("plain letters need no element, and looks are classes", () => {
  expect(look(0)).toBeUndefined();
  expect(look(1, 4)).toEqual({ className: "cell cell-bold cell-underline", style: {} });
});

test("the sixteen colours are the page's, and others are kept where they can be read", () => {
  expect(look(31)?.style).toEqual({ "--cell-ink": "var(--cell-1)" });
  expect(look(38, 5, 226)?.style).toEqual({
    "--cell-ink": "oklch(from rgb(255 255 0) clamp(var(--cell-darkest), l, var(--cell-lightest)) c h)",
  });
  expect(look(38, 5, 232, 48, 5, 255)?.style).toEqual({
    "--cell-ground": "rgb(238 238 238)",
    "--cell-ink": "rgb(8 8 8)",
  });
});

test("black and white upon a colour are the page's own ink", () => {
  const ground = "color-mix(in oklab, var(--cell-2) 32%, var(--raised))";
  expect(look(30, 42)?.style).toEqual({ "--cell-ground": ground });
  expect(look(33, 42)?.style).toEqual({ "--cell-ground": ground, "--cell-ink": "var(--cell-3)" });
});
