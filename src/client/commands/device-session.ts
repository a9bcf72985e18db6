// A controller's end of a sealed session with one device: opened over the hub, level with the device's owner log, then
// one command after the other. The keys of both come from this end's own copy of the log, and an outcome counts only
// with the device's signature.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { checkOutcome, CommandSigner, type CommandProof } from "../../identity/sealed/commands.ts";
import {
  CHANNEL,
  deviceMessage,
  errorOf,
  INPUT_WINDOW_BYTES,
  sealedOutcome,
  type ControllerMessage,
  type SealedKind,
  type SealedOutcome,
  type SealedRequest,
} from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { encodeSessionWish, SESSION_RESET } from "../../protocol/session-open.ts";
import { lateStream } from "../../trunk/late-stream.ts";
import type { TrunkStream } from "../../trunk/stream.ts";
import type { Timers } from "../../world/world.ts";
import { openPromise } from "../open-promise.ts";
import type { StreamOpener } from "../stream-opener.ts";
import { CommandLink, type LinkIdentity } from "./command-link.ts";
import { formatLogEntries } from "./log-entries.ts";
import type { OwnerLogBook } from "./owner-log-book.ts";

export interface Controller {
  timers: Timers;
  crypto: Crypto;
  signer: Signer;
  link: LinkIdentity;
  hub: StreamOpener;
  book: OwnerLogBook;
}

/** As the owner log has it, but for the name. */
export interface OrderedDevice {
  id: string;
  name: string;
  publicKey: Uint8Array;
  linkKey: Uint8Array;
}

export interface OrderWish<Kind extends SealedKind = SealedKind> {
  kind: Kind;
  request: SealedRequest<Kind>;
  /** The same one again, in a later session, starts nothing a second time. */
  commandId: string;
}

export interface OrderEvents {
  /** The device has it durably and starts it. */
  accepted(facts: Record<string, unknown>): void;
  /** The bytes are the receiver's own. */
  output(channel: number, bytes: Uint8Array): void;
  /** The device takes input again. */
  inputRoom(): void;
  /** `send` takes bytes again. */
  drain(): void;
}

/** The command under way. */
interface Current {
  wish: OrderWish;
  events: OrderEvents;
  proof: CommandProof | undefined;
  accepted: boolean;
  inputRoom: number;
  resolve(outcome: SealedOutcome): void;
  reject(problem: MusterError): void;
}

export class DeviceSession {
  readonly #controller: Controller;
  readonly #device: OrderedDevice;
  #link: CommandLink | undefined;
  /** Once the device has said that it is ready. */
  #signer: CommandSigner | undefined;
  #hash: Uint8Array | undefined;
  #current: Current | undefined;
  #carried = false;
  #problem: MusterError | undefined;

  constructor(controller: Controller, device: OrderedDevice) {
    this.#controller = controller;
    this.#device = device;
    this.#dial();
  }

  /** Nothing more can be ordered in it. */
  get isOver(): boolean {
    return this.#problem !== undefined;
  }

  /** One at a time. Rejects with the device's refusal, or what kept it from being asked. */
  order(wish: OrderWish, events: OrderEvents): Promise<SealedOutcome> {
    const { promise, resolve, reject } = openPromise<SealedOutcome>();
    if (this.#problem !== undefined) reject(this.#problem);
    else if (this.#current !== undefined) reject(new MusterError("conflict", "a command is under way"));
    else {
      const inputRoom = INPUT_WINDOW_BYTES;
      this.#current = { wish, events, proof: undefined, accepted: false, inputRoom, resolve, reject };
      if (this.#signer !== undefined) this.#sign();
    }
    return promise;
  }

  /** How many bytes `input` takes now; none before the command was accepted. */
  get inputRoom(): number {
    return this.#current?.accepted === true ? this.#current.inputRoom : 0;
  }

  /** At most `inputRoom` bytes. */
  input(bytes: Uint8Array): void {
    if (this.#current === undefined) return;
    this.#current.inputRoom -= bytes.length;
    this.#link?.sendBytes(CHANNEL.input, bytes);
  }

  /** Without the window of input: for what bounds itself. */
  get roomBytes(): number {
    return this.#current?.accepted === true ? (this.#link?.roomBytes ?? 0) : 0;
  }

  send(channel: number, bytes: Uint8Array): boolean {
    return this.#link?.sendBytes(channel, bytes) ?? true;
  }

  tell(message: ControllerMessage): void {
    if (this.#current?.accepted === true) this.#link?.send(message);
  }

  pause(): void {
    this.#link?.pause();
  }

  resume(): void {
    this.#link?.resume();
  }

  /** Says that nothing more comes from here. */
  end(): void {
    this.#problem ??= closedHere();
    this.#link?.end();
  }

  /** At once. What runs there goes on, if its kind does. */
  close(): void {
    this.#fail(closedHere());
  }

  #dial(): void {
    let stream: TrunkStream | undefined;
    let reset: number | undefined;
    const late = lateStream(
      () => stream,
      (code) => (reset = code),
    );
    const close = late.events.close;
    const events = {
      ...late.events,
      close: (error?: Error) => {
        const isMine = this.#problem === undefined;
        if (isMine && reset !== undefined && reset >= SESSION_RESET.offline) return this.#refused(reset);
        close(error);
      },
    };
    const opened = this.#controller.hub.openStream(encodeSessionWish("command", this.#device.id), events);
    if (typeof opened === "string") {
      const away = opened === "closed";
      return this.#fail(
        away
          ? new MusterError("hub_unreachable", "the hub is out of reach, and with it the device", {
              hint: "see `muster status`",
            })
          : new MusterError("unavailable", `the hub takes no more streams now (${opened})`),
      );
    }
    stream = opened;
    const { link, timers, book } = this.#controller;
    const { publicKey, linkKey } = this.#device;
    this.#link = new CommandLink(
      {
        own: link,
        timers,
        role: "initiator",
        peer: { identityKey: publicKey, linkKey },
        stream: opened,
        book,
      },
      {
        level: (hash) => (this.#hash = hash),
        message: (message) => this.#message(message),
        bytes: (channel, bytes) => this.#current?.events.output(channel, bytes),
        drain: () => this.#current?.events.drain(),
        end: () => this.#link?.end(),
        close: (problem) =>
          this.#fail(problem ?? new MusterError("session_cut", "the device ended the session early")),
      },
    );
    late.hand(this.#link.streamEvents);
  }

  #refused(code: number): void {
    const { name } = this.#device;
    this.#link?.close();
    if (code === SESSION_RESET.unknownCaller && !this.#carried) {
      this.#carried = true;
      this.#carryLog();
      return;
    }
    if (code === SESSION_RESET.offline) {
      return this.#fail(
        new MusterError("device_offline", `${name} is offline`, {
          hint: `which hop is broken: muster why ${name}`,
        }),
      );
    }
    if (code === SESSION_RESET.tooMany) {
      return this.#fail(new MusterError("too_many", `too many sessions are open with ${name}`));
    }
    this.#fail(
      code === SESSION_RESET.unknownCaller
        ? new MusterError("forbidden", `${name} does not know this controller`, {
            hint: "its owner log does not hold this key; see: muster device owners",
          })
        : new MusterError("forbidden", `the hub lets this device give no commands to ${name}`, {
            hint: "only controllers do; on one with admin: muster device promote NAME; who is one: muster device owners",
          }),
    );
  }

  /** The device's owner log ends before this key's entry: it is brought the rest, then asked again. */
  #carryLog(): void {
    const bytes = formatLogEntries(this.#controller.book.log?.entries ?? []);
    let taken = false;
    const stream = this.#controller.hub.openStream(encodeSessionWish("log", this.#device.id), {
      data: () => (taken = true),
      drain: () => write(),
      end: () => {},
      close: () => {
        if (this.#problem !== undefined) return;
        if (taken) return this.#dial();
        this.#refused(SESSION_RESET.unknownCaller);
      },
    });
    let rest = bytes ?? new Uint8Array(0);
    const write = (): void => {
      if (typeof stream === "string") return;
      const written = stream.write(rest);
      if (written < 0) return;
      rest = rest.subarray(written);
      if (rest.length === 0) stream.shutdown();
    };
    if (typeof stream === "string" || bytes === undefined) return this.#refused(SESSION_RESET.unknownCaller);
    write();
  }

  #message(message: unknown): void {
    const read = deviceMessage.safeParse(message);
    if (!read.success)
      return this.#fail(new MusterError("protocol_error", "the device said what is no message"));
    const said = read.data;
    const current = this.#current;
    switch (said.type) {
      case "ready":
        return this.#ready();
      case "refused":
        return this.#fail(errorOf(said.error));
      case "accepted":
        if (current === undefined) return;
        current.accepted = true;
        current.events.accepted(said.facts);
        return current.events.inputRoom();
      case "input_taken":
        if (current === undefined) return;
        current.inputRoom = Math.min(INPUT_WINDOW_BYTES, current.inputRoom + said.bytes);
        return current.events.inputRoom();
      case "outcome":
        return this.#outcome(said);
    }
  }

  #ready(): void {
    const { crypto, signer } = this.#controller;
    if (this.#hash === undefined || this.#signer !== undefined) {
      return this.#fail(new MusterError("protocol_error", "the device was ready out of turn"));
    }
    const session = { crypto, sessionHash: this.#hash, deviceKey: this.#device.publicKey };
    this.#signer = new CommandSigner(session, signer);
    if (this.#current !== undefined) this.#sign();
  }

  #sign(): void {
    this.#signCurrent().catch((error: unknown) => this.#fail(publicError(error)));
  }

  async #signCurrent(): Promise<void> {
    const { book } = this.#controller;
    const { log } = book;
    const current = this.#current;
    const problem = book.problem();
    if (current === undefined || this.#signer === undefined) return;
    if (log === undefined || problem !== undefined)
      throw problem ?? new MusterError("unavailable", "no owner log");
    // What came with the session may have taken the device out.
    if (log.participant(this.#device.publicKey) === undefined) {
      throw new MusterError("forbidden", `${this.#device.name} belongs to this owner no more`);
    }
    const { command, proof } = await this.#signer.sign({
      logId: log.id,
      commandId: current.wish.commandId,
      kind: current.wish.kind,
      request: JSON.stringify(current.wish.request),
    });
    current.proof = proof;
    this.#link?.send(command);
  }

  #outcome(message: unknown): void {
    const current = this.#current;
    if (current?.proof === undefined) {
      return this.#fail(new MusterError("protocol_error", "an outcome came before its command"));
    }
    try {
      const text = checkOutcome(this.#controller.crypto, current.proof, message);
      const outcome = sealedOutcome.parse(JSON.parse(text));
      this.#current = undefined;
      current.resolve(outcome);
    } catch (error) {
      this.#fail(publicError(error));
    }
  }

  #fail(problem: MusterError): void {
    const current = this.#current;
    if (this.#problem !== undefined && current === undefined) return this.#link?.close();
    this.#problem ??= problem;
    this.#current = undefined;
    this.#link?.close();
    current?.reject(problem);
  }
}

function closedHere(): MusterError {
  return new MusterError("unavailable", "the session was closed here");
}
