// What a hub does by the clock: writes down who was seen, ends what is over, follows its certificate, proves.
import { dropHalfPairs } from "../../store/pairs.ts";
import { watchCertificate } from "../certificate-watch.ts";
import type { HubOptions } from "../hub-options.ts";
import type { Core } from "./open-core.ts";
import type { Presence } from "./open-presence.ts";

const SAVE_SEEN_EVERY_MS = 10_000;
/** Who is connected is known without the disk; this is for what a hub that was killed says of who then stays away. */
const SAVE_PRESENT_EVERY_MS = 60_000;
const EXPIRE_EVERY_MS = 1000;
const TIDY_RELAY_EVERY_MS = 60_000;
const RELIEVE_RELAY_EVERY_MS = 10_000;

/** Returns how to stop all of it. */
export async function keepUp(options: HubOptions, core: Core, presence: Presence): Promise<() => void> {
  const { world, log, tls: files } = options;
  const { db, now, devices, shares, directory, listening } = core;
  const { prober, life, relay } = presence;
  const regularly = (everyMs: number, failed: string, work: () => Promise<unknown>): (() => void) => {
    const timer = world.timers.every(everyMs, () => {
      work().catch((error: unknown) => log.error(failed, { error }));
    });
    return () => timer.cancel();
  };
  countWhatIs(core);
  const stops = [
    regularly(SAVE_SEEN_EVERY_MS, "last seen could not be saved", () => devices.save()),
    regularly(SAVE_PRESENT_EVERY_MS, "last seen could not be saved", () => {
      const at = now();
      for (const { facts } of directory.all())
        if (facts.kind === "register") devices.seen(facts.deviceId, { at });
      return devices.save();
    }),
    regularly(EXPIRE_EVERY_MS, "expired shares could not be removed", () => shares.removeExpired()),
    regularly(TIDY_RELAY_EVERY_MS, "old messages could not be dropped", () =>
      Promise.all([relay.dropOld(), dropHalfPairs(db, now())]),
    ),
    regularly(RELIEVE_RELAY_EVERY_MS, "silent readers could not be ended", async () => relay.relieve()),
  ];
  if (files !== undefined) {
    stops.push(await watchCertificate({ world, log, files, renew: (fresh) => listening.renew(fresh) }));
  }
  stops.push(life.tend());
  prober.start();
  stops.push(() => prober.stop());
  return () => {
    for (const stop of stops) stop();
  };
}

function countWhatIs({ metrics, shares, directory }: Core): void {
  metrics.gauge("muster_devices_online", () => directory.deviceCount);
  metrics.gauge("muster_shares", () => shares.all().length);
  metrics.gauge("muster_streams", () =>
    [...directory.all()].reduce((sum, one) => sum + one.trunk.streamCount, 0),
  );
}
