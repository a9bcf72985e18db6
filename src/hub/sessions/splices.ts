// Streams from one client to another device, joined and not looked into: the hub checks who may reach whom, and
// carries bytes no faster than they are taken. What they say is sealed between the two.
import { MusterError } from "../../protocol/errors.ts";
import { demand } from "../../protocol/permissions.ts";
import {
  encodeSessionCall,
  readSessionWish,
  SESSION_RESET,
  type SessionPurpose,
} from "../../protocol/session-open.ts";
import { createPump } from "../../trunk/pump.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import { RESET } from "../../trunk/frame.ts";
import type { Audit } from "../audit.ts";
import type { DeviceBook } from "../device-book.ts";
import type { Directory } from "./directory.ts";
import type { Session } from "./session.ts";

export interface SplicesParts {
  directory: Pick<Directory, "device">;
  devices: Pick<DeviceBook, "byId">;
  audit: Audit;
}

/** Of one client at once: far more than a person opens, less than a trunk holds. */
const PER_CLIENT_MAX = 256;

export class Splices {
  readonly #parts: SplicesParts;
  readonly #open = new WeakMap<Session, number>();

  constructor(parts: SplicesParts) {
    this.#parts = parts;
  }

  /** For a stream that `session` opened. A refusal is a reset with its code. */
  open(session: Session, stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents {
    const wish = readSessionWish(payload);
    if (wish === undefined) return refused(stream, RESET.refused);
    const row = this.#parts.devices.byId(wish.deviceId);
    try {
      const device =
        row === undefined
          ? undefined
          : ({ kind: "device", deviceKey: "", ownerRoots: [row.owner_root] } as const);
      demand(session.actor, "device.reach", device);
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      return refused(stream, SESSION_RESET.unknownDevice);
    }
    if (this.#count(session) >= PER_CLIENT_MAX) return refused(stream, SESSION_RESET.tooMany);
    const far = this.#parts.directory.device(wish.deviceId);
    if (far === undefined || far.leaving) return refused(stream, SESSION_RESET.offline);
    return this.#join({ session, stream }, far, { ...wish, ownerRoot: row?.owner_root });
  }

  #join(
    near: { session: Session; stream: TrunkStream },
    far: Session,
    wish: { purpose: SessionPurpose; deviceId: string; ownerRoot: string | undefined },
  ): TrunkStreamEvents {
    const { session, stream } = near;
    const pump = createPump(() => this.#open.set(session, this.#count(session) - 1));
    // The device's own refusal is for the client that asked.
    const events: TrunkStreamEvents = {
      ...eventsOf(pump.right),
      reset: (code) => code >= SESSION_RESET.offline && stream.reset(code),
    };
    const opened = far.trunk.open(encodeSessionCall(wish.purpose, session.facts.publicKey), events);
    if (typeof opened === "string") return refused(stream, SESSION_RESET.offline);
    this.#open.set(session, this.#count(session) + 1);
    pump.left.attach(stream);
    pump.right.attach(opened);
    if (wish.purpose === "command") this.#record(session, wish);
    return eventsOf(pump.left);
  }

  #count(session: Session): number {
    return this.#open.get(session) ?? 0;
  }

  #record(session: Session, wish: { deviceId: string; ownerRoot: string | undefined }): void {
    void this.#parts.audit.record({
      actor: `device:${session.facts.deviceId}`,
      action: "session.opened",
      target: `device:${wish.deviceId}`,
      detail: {},
      ...(wish.ownerRoot === undefined ? {} : { ownerRoot: wish.ownerRoot }),
    });
  }
}

function refused(stream: TrunkStream, code: number): TrunkStreamEvents {
  stream.reset(code);
  return { data() {}, drain() {}, end() {}, close() {} };
}

/** A pump's end as a plain object, its methods bound. */
function eventsOf(end: ReturnType<typeof createPump>["left"]): TrunkStreamEvents {
  return {
    data: (bytes) => end.data(bytes),
    drain: () => end.drain(),
    end: () => end.end(),
    close: (error) => end.close(error),
  };
}
