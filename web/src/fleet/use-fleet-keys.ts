// The list by keyboard: / filters, Enter leaves the filter for its first line, j and k walk the lines, c copies, o opens, q shows the QR code of the line
// at hand, a adds. Nothing happens while somebody types or a dialog is open.
import { useEffect } from "react";
import { isTyping } from "../platform/is-typing.ts";

export function useFleetKeys(onAdd: () => void): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (inFilter(event)) return leaveFilter(event);
      if (isTyping(event)) return;
      const act = keys(onAdd)[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [onAdd]);
}

function keys(onAdd: () => void): Partial<Record<string, () => void>> {
  return {
    "/": () => document.querySelector<HTMLElement>("[data-filter]")?.focus(),
    a: onAdd,
    j: () => walk(1),
    k: () => walk(-1),
    c: () => press("[data-copy]"),
    q: () => press("[data-qr]"),
    o: () => press("a.address"),
  };
}

function inFilter({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLElement && target.matches("[data-filter]");
}

/** Enter goes to the first line that is left; Escape gives up, and the browser empties the field. */
function leaveFilter(event: KeyboardEvent): void {
  if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
  if (event.target instanceof HTMLElement) event.target.blur();
  if (event.key === "Enter") walk(1);
}

function walk(step: 1 | -1): void {
  const lines = [...document.querySelectorAll<HTMLElement>("[data-line]")];
  const entry = document.activeElement?.closest(".entry");
  const at = lines.findIndex((line) => line.closest(".entry") === entry);
  const next = at === -1 ? (step === 1 ? 0 : lines.length - 1) : at + step;
  lines[next]?.focus();
}

function press(selector: string): void {
  const line = document.activeElement?.closest(".entry")?.querySelector(":scope > .line");
  line?.querySelector<HTMLElement>(selector)?.click();
}
