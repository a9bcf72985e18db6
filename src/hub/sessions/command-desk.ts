// Commands on their way from a page to a device, and outcomes on their way back. The hub decides nothing: it
// checks who may ask whom, hands on what was signed, and takes an answer from the device that was asked only.
import { MusterError } from "../../protocol/errors.ts";
import type { ClientMessage, HubToClient } from "../../protocol/messages.ts";
import { demand } from "../../protocol/permissions.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { Audit } from "../audit.ts";
import type { DeviceBook } from "../device-book.ts";
import type { Directory } from "./directory.ts";
import type { Session } from "./session.ts";

/** An app that starts may take half a minute; the device bounds it by itself. */
const OUTCOME_TIMEOUT_MS = 60_000;
const WAITING_MAX = 1000;
/** Of one asker: more at once is no person's, and the places are for everybody. */
const WAITING_PER_SESSION = 32;

interface Waiting {
  asker: Session;
  device: Session;
  limit: Timer;
  resolve(message: HubToClient): void;
}

export interface CommandDeskParts {
  timers: Timers;
  directory: Directory;
  devices: DeviceBook;
  audit: Audit;
}

export class CommandDesk {
  readonly #parts: CommandDeskParts;
  readonly #waiting = new Map<string, Waiting>();
  #last = 0;

  constructor(parts: CommandDeskParts) {
    this.#parts = parts;
  }

  async relay(session: Session, message: ClientMessage<"command">): Promise<HubToClient> {
    const { directory, devices, timers } = this.#parts;
    const row = devices.byId(message.device_id);
    const device = directory.device(message.device_id);
    const { ownerRoots } = demand(
      session.actor,
      "device.command",
      row === undefined ? undefined : { kind: "device", deviceKey: "", ownerRoots: [row.owner_root] },
    );
    if (device === undefined)
      throw new MusterError("device_offline", `${row?.name ?? "the device"} is offline`);
    if (this.#waiting.size >= WAITING_MAX || this.#askedBy(session) >= WAITING_PER_SESSION)
      throw new MusterError("too_many", "too many commands are under way");
    // The asker's id is its own; towards the device the hub uses one that no other asker can choose.
    const id = `c${++this.#last}`;
    const outcome = new Promise<HubToClient>((resolve) => {
      const limit = timers.after(OUTCOME_TIMEOUT_MS, () => this.#settle(id, lateError(id)));
      this.#waiting.set(id, { asker: session, device, limit, resolve });
    });
    // Whose record it is follows from the device, never from what the message claims.
    for (const root of ownerRoots) this.#record(session, message, root);
    if (!device.send({ ...message, id })) this.#settle(id, lateError(id));
    return { ...(await outcome), id: message.id } as HubToClient; // both forms an outcome can take have an id
  }

  /** Only the device that was asked can answer, once. */
  outcome(session: Session, message: ClientMessage<"command_outcome">): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined || waiting.device !== session) return;
    this.#settle(message.id, message);
  }

  /** A device left: its commands will not be answered on that session. */
  left(session: Session): void {
    for (const [id, waiting] of this.#waiting)
      if (waiting.device === session) this.#settle(id, lateError(id));
  }

  #settle(id: string, message: HubToClient): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.limit.cancel();
    waiting.resolve(message);
  }

  #askedBy(session: Session): number {
    let count = 0;
    for (const waiting of this.#waiting.values()) if (waiting.asker === session) count += 1;
    return count;
  }

  #record(session: Session, message: ClientMessage<"command">, ownerRoot: string): void {
    void this.#parts.audit.record({
      actor: `device:${session.facts.deviceId}`,
      action: "command.relayed",
      target: `device:${message.device_id}`,
      detail: { kind: message.kind, command_id: message.command_id },
      ownerRoot,
    });
  }
}

function lateError(id: string): HubToClient {
  return {
    type: "error",
    id,
    code: "device_offline",
    message: "the device did not answer in time; it may still have done it",
    hint: "look at its shares before you try again",
  };
}
