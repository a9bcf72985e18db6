// Many devices of the bench in a process of their own (bench/agents.ts), at a hub that knows them.
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { nextObject, type Stage, type Started } from "../stage.ts";
import { hubUrl } from "./devices.ts";
import { hubKeyOf } from "./raw-device.ts";
import type { HubPlace } from "./start-hub.ts";

/** What such a process is told: `first` up to, and without, `end`. */
export interface SimulatedFleet {
  url: string;
  caFile: string;
  hubKey: string;
  first: number;
  end: number;
  /** As they were enrolled. */
  perOwner: number;
  /** They offer tasks and answer queries. */
  answers?: boolean;
}

const COME_WITHIN_MS = 120_000;

export function startSimulated(
  stage: Stage,
  place: HubPlace,
  which: Pick<SimulatedFleet, "first" | "end" | "perOwner" | "answers">,
): Started {
  const program = new URL("../agents.ts", import.meta.url).pathname;
  const hubKey = toBase64Url(hubKeyOf(place));
  const fleet: SimulatedFleet = { url: hubUrl(place), caFile: place.cert, hubKey, ...which };
  return stage.start([process.execPath, program, JSON.stringify(fleet)]);
}

/** When the last of them had come, milliseconds since the epoch. */
export async function allConnected(lines: AsyncGenerator<string>): Promise<number> {
  const patience = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => patience.reject(new Error("the devices did not all connect in time")),
    COME_WITHIN_MS,
  );
  try {
    return Number((await Promise.race([nextObject(lines), patience.promise]))["atMs"]);
  } finally {
    clearTimeout(timer);
  }
}
