// What happened between two pictures of the fleet, as sentences for people who listen, and as the ids of the
// lines that moved for those who look.
import type { FleetView } from "../../../src/protocol/views.ts";
import { shownShare } from "./shown-state.ts";

export interface Changes {
  sentences: string[];
  moved: ReadonlySet<string>;
}

/** More at once is a hub that came back, not news to be read out one by one. */
const SENTENCES_MAX = 5;

export function changes(before: FleetView | null, after: FleetView, nowMs: number): Changes {
  const sentences: string[] = [];
  const moved = new Set<string>();
  if (before === null) return { sentences, moved };
  const note = (id: string, sentence: string): void => {
    moved.add(id);
    sentences.push(sentence);
  };

  const devices = new Map(before.devices.map((device) => [device.id, device]));
  for (const device of after.devices) {
    const was = devices.get(device.id);
    if (was === undefined) note(device.id, `${device.name} joined.`);
    else if (was.status !== device.status) note(device.id, `${device.name} is ${device.status}.`);
  }

  const shares = new Map(before.shares.map((share) => [share.id, share]));
  for (const share of after.shares) {
    const was = shares.get(share.id);
    shares.delete(share.id);
    const word = shownShare(share, nowMs).word;
    if (was === undefined) note(share.id, `The share ${share.name} was added.`);
    else if (shownShare(was, nowMs).word !== word) note(share.id, `${share.name} is ${word}.`);
  }
  for (const gone of shares.values()) sentences.push(`The share ${gone.name} was removed.`);

  if (sentences.length <= SENTENCES_MAX) return { sentences, moved };
  return { sentences: [`${sentences.length} things changed.`], moved };
}
