// Devices that a hub knows before it first serves the bench.
import { join } from "node:path";
import type { Stage } from "../stage.ts";
import { enrol } from "./enrol.ts";
import { hubKeyOf } from "./raw-device.ts";
import { startHub, type HubPlace } from "./start-hub.ts";

/** Runs the hub once, so that it has its key and its tables. */
export async function enrolAt(
  stage: Stage,
  place: HubPlace,
  count: number,
  perOwner?: number,
): Promise<void> {
  const { started } = await startHub(stage, place);
  await started.end();
  await enrol(join(place.home, "hub", "hub.db"), hubKeyOf(place), { count, perOwner });
}
