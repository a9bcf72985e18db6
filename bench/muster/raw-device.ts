// A device in the bench's own process: it proves its key on a trunk of its own, and says and hears what it is told to,
// without a store, a seal or a signature of anything but its registration.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HubSession, type HubSessionOptions } from "../../src/agent/link/hub-session.ts";
import type { Signer } from "../../src/identity/crypto.ts";
import { fromBase64Url } from "../../src/protocol/bytes.ts";
import { SILENT_LOG } from "../../src/protocol/log.ts";
import { Pulse } from "../../src/trunk/liveness.ts";
import { realWorld } from "../../src/world/real.ts";
import type { Stage } from "../stage.ts";
import { benchCrypto } from "./enrol.ts";
import { DOMAIN, type HubPlace } from "./start-hub.ts";

const pulse = new Pulse(realWorld.timers, realWorld.clock);
const COMES_WITHIN_MS = 10_000;

export interface RawDevice {
  signer: Signer;
  name: string;
  /** `attach` is for a key that commands. */
  sessionKind?: "register" | "attach";
  message?: HubSessionOptions["events"]["message"];
  opened?: HubSessionOptions["events"]["opened"];
}

/** Resolves once it is connected. It stays so until the stage is left. */
export async function connectRaw(stage: Stage, place: HubPlace, device: RawDevice): Promise<HubSession> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = setTimeout(() => reject(new Error(`${device.name} does not connect`)), COMES_WITHIN_MS);
  const session = new HubSession({
    world: realWorld,
    crypto: benchCrypto,
    signer: device.signer,
    pulse,
    log: SILENT_LOG,
    address: { url: `https://${DOMAIN}:${place.port}`, ca: readFileSync(place.cert, "utf8") },
    hubKey: hubKeyOf(place),
    about: { name: device.name, platform: "linux", kind: "vps", version: "0.1.0" },
    sessionKind: device.sessionKind ?? "register",
    nextSession: () => Promise.resolve(device.sessionKind === "attach" ? 0 : Date.now()),
    events: {
      state(state) {
        if (state.at === "connected") resolve();
        if (state.at === "refused") reject(state.problem);
      },
      message: device.message ?? (() => {}),
      opened: device.opened ?? (() => ({ data() {}, drain() {}, end() {}, close() {} })),
    },
  });
  session.start();
  stage.atEnd(() => session.stop());
  try {
    await promise;
  } finally {
    clearTimeout(late);
  }
  return session;
}

/** As the hub wrote it when it first started. */
export function hubKeyOf(place: HubPlace): Uint8Array {
  const { hub_key: key } = JSON.parse(readFileSync(join(place.home, "hub.json"), "utf8")) as {
    hub_key: string;
  };
  return fromBase64Url(key) ?? new Uint8Array(0);
}
