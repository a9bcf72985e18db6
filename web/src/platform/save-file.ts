// Puts bytes where the browser puts downloads. Never shown in the page: what they are is the sender's word, so they
// go out as bytes and nothing else, under a name that was cleaned where it came in.
import type { Timers } from "../../../src/world/world.ts";

/** Until the browser has read it surely. */
const KEPT_MS = 60_000;

export function saveFile(timers: Timers, name: string, bytes: Uint8Array | Blob): void {
  // A copy owns its memory, which is what the type asks for.
  const part = bytes instanceof Blob ? bytes : bytes.slice();
  const url = URL.createObjectURL(new Blob([part], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  timers.after(KEPT_MS, () => URL.revokeObjectURL(url));
}
