// A finger that moves over a terminal scrolls it by rows: the emulator (6.0.0) knows no touch.
// https://github.com/xtermjs/xterm.js/issues/5489

export interface TouchedRows {
  rowHeightPx(): number;
  /** Down where it is above zero. */
  scroll(rows: number, touched: EventTarget): void;
}

/** Returns how to stop. */
export function scrollByTouch(place: HTMLElement, { rowHeightPx, scroll }: TouchedRows): () => void {
  let last: number | undefined;
  const began = ({ touches }: TouchEvent): void => {
    last = touches.length === 1 ? touches[0]?.clientY : undefined;
  };
  const moved = ({ touches: [finger], target }: TouchEvent): void => {
    if (last === undefined || finger === undefined || target === null) return;
    const height = rowHeightPx();
    const rows = Math.trunc((last - finger.clientY) / height);
    if (rows === 0) return;
    last -= rows * height;
    scroll(rows, target);
  };
  place.addEventListener("touchstart", began, { passive: true });
  place.addEventListener("touchend", began, { passive: true });
  place.addEventListener("touchmove", moved, { passive: true });
  return () => {
    place.removeEventListener("touchstart", began);
    place.removeEventListener("touchend", began);
    place.removeEventListener("touchmove", moved);
  };
}
