// Streams from one client to another device, joined and not looked into: the hub checks who may reach whom, and
// carries bytes no faster than they are taken. What they say is sealed between the two.
import { MusterError } from "../../protocol/errors.ts";
import { rootsOf } from "../../protocol/actors.ts";
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
import type { RelayDesk } from "../relay/relay-desk.ts";
import type { Directory } from "./directory.ts";
import type { Session } from "./session.ts";

export interface SplicesParts {
  directory: Pick<Directory, "device">;
  devices: Pick<DeviceBook, "byId" | "ownersOf">;
  audit: Audit;
  pairs: Pick<RelayDesk, "reach" | "onParted">;
}

interface Way {
  far: Session | undefined;
  /** The two that are paired, where that is all that leads there. */
  pair?: string;
  /** Whose audit tells of it. */
  ownerRoots: readonly string[];
}

/** Of one client at once: far more than a person opens, less than a trunk holds. */
const PER_CLIENT_MAX = 256;

export class Splices {
  readonly #parts: SplicesParts;
  readonly #open = new WeakMap<Session, number>();
  /** Cuts what is joined between two that are paired, by pair. */
  readonly #ofPairs = new Map<string, Set<() => void>>();

  constructor(parts: SplicesParts) {
    this.#parts = parts;
    parts.pairs.onParted((one, other) => {
      for (const cut of this.#ofPairs.get(pairName(one, other)) ?? []) cut();
    });
  }

  /** For a stream that `session` opened. A refusal is a reset with its code. */
  open(session: Session, stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents {
    const wish = readSessionWish(payload);
    if (wish === undefined) return refused(stream, RESET.refused);
    try {
      const way =
        "peerKey" in wish
          ? {
              far: this.#parts.pairs.reach(session, wish.peerKey),
              pair: pairName(session.key, wish.peerKey),
              ownerRoots: [],
            }
          : this.#way(session, wish.deviceId);
      if (this.#count(session) >= PER_CLIENT_MAX) return refused(stream, SESSION_RESET.tooMany);
      if (way.far === undefined || way.far.leaving) return refused(stream, SESSION_RESET.offline);
      const events = this.#join({ session, stream }, { far: way.far, pair: way.pair }, wish.purpose);
      if (events === undefined) return refused(stream, SESSION_RESET.offline);
      if (wish.purpose === "command") this.#record(session, wish, way);
      return events;
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      return refused(stream, SESSION_RESET.unknownDevice);
    }
  }

  /** To a device of the same owner, or one that another shares. */
  #way(session: Session, deviceId: string): Way {
    const { devices, directory } = this.#parts;
    const row = devices.byId(deviceId);
    const ownerRoots = row === undefined ? [] : devices.ownersOf(row);
    const { actor } = session;
    demand(
      actor,
      "device.reach",
      row === undefined ? undefined : { kind: "device", deviceKey: "", ownerRoots },
    );
    const callers = rootsOf(actor);
    // Its own owner reads of everyone, a co-owner of what its own devices did.
    const told = ownerRoots.filter((root) => root === row?.owner_root || callers.includes(root));
    return { far: directory.device(deviceId), ownerRoots: told };
  }

  /** Undefined when the far side takes no more streams now. */
  #join(
    near: { session: Session; stream: TrunkStream },
    { far, pair }: { far: Session; pair: string | undefined },
    purpose: SessionPurpose,
  ): TrunkStreamEvents | undefined {
    const { session, stream } = near;
    let forget = (): void => {};
    const pump = createPump(() => {
      this.#open.set(session, this.#count(session) - 1);
      forget();
    });
    // The device's own refusal is for the client that asked.
    const events: TrunkStreamEvents = {
      ...eventsOf(pump.right),
      reset: (code) => code >= SESSION_RESET.offline && stream.reset(code),
    };
    const opened = far.trunk.open(encodeSessionCall(purpose, session.facts.publicKey), events);
    if (typeof opened === "string") return undefined;
    this.#open.set(session, this.#count(session) + 1);
    if (pair !== undefined) {
      forget = this.#keep(pair, () => {
        for (const end of [stream, opened]) end.reset(SESSION_RESET.unknownDevice);
      });
    }
    pump.left.attach(stream);
    pump.right.attach(opened);
    return eventsOf(pump.left);
  }

  /** Until what it returns is called, the end of the pair is the end of this. */
  #keep(pair: string, cut: () => void): () => void {
    const cuts = this.#ofPairs.get(pair) ?? new Set();
    this.#ofPairs.set(pair, cuts.add(cut));
    return () => {
      cuts.delete(cut);
      if (cuts.size === 0 && this.#ofPairs.get(pair) === cuts) this.#ofPairs.delete(pair);
    };
  }

  #count(session: Session): number {
    return this.#open.get(session) ?? 0;
  }

  #record(session: Session, { deviceId }: { deviceId: string }, { ownerRoots }: Way): void {
    for (const ownerRoot of ownerRoots) {
      void this.#parts.audit.record({
        actor: `device:${session.facts.deviceId}`,
        action: "session.opened",
        target: `device:${deviceId}`,
        detail: {},
        ownerRoot,
      });
    }
  }
}

/** The same for either order. */
function pairName(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
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
