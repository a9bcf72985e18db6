// The controller's end: one command to one device, in a sealed session of its own. The keys of both come from this
// home's own copy of the owner log, and the outcome counts only with the device's signature.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { checkOutcome, CommandSigner, type CommandProof } from "../../identity/sealed/commands.ts";
import {
  deviceMessage,
  errorOf,
  INPUT_WINDOW_BYTES,
  CHANNEL,
  sealedOutcome,
  type ControllerMessage,
  type SealedKind,
  type SealedOutcome,
  type SealedRequest,
} from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { encodeSessionWish, SESSION_RESET } from "../../protocol/session-open.ts";
import type { TrunkStream } from "../../trunk/stream.ts";
import type { Timers } from "../../world/world.ts";
import type { StreamOpener } from "../stream-opener.ts";
import { lateStream } from "../../trunk/late-stream.ts";
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

export class PlacedOrder {
  /** Rejects with the device's refusal, or what kept it from being asked. */
  readonly outcome: Promise<SealedOutcome>;
  readonly #controller: Controller;
  readonly #device: OrderedDevice;
  readonly #wish: OrderWish;
  readonly #events: OrderEvents;
  readonly #settle: { resolve(outcome: SealedOutcome): void; reject(problem: MusterError): void };
  #link: CommandLink | undefined;
  #hash: Uint8Array | undefined;
  #proof: CommandProof | undefined;
  #inputRoom = INPUT_WINDOW_BYTES;
  #accepted = false;
  #carried = false;
  #over = false;

  constructor(controller: Controller, device: OrderedDevice, wish: OrderWish, events: OrderEvents) {
    const { promise, resolve, reject } = Promise.withResolvers<SealedOutcome>();
    this.outcome = promise;
    // Whoever closes an order before its end may not be waiting for it.
    promise.catch(() => {});
    this.#controller = controller;
    this.#device = device;
    this.#wish = wish;
    this.#events = events;
    this.#settle = { resolve, reject };
    this.#dial();
  }

  /** How many bytes `input` takes now; none before it was accepted. */
  get inputRoom(): number {
    return this.#accepted ? this.#inputRoom : 0;
  }

  /** At most `inputRoom` bytes. */
  input(bytes: Uint8Array): void {
    this.#inputRoom -= bytes.length;
    this.#link?.sendBytes(CHANNEL.input, bytes);
  }

  /** Without the window of input: for what bounds itself. */
  get roomBytes(): number {
    return this.#accepted ? (this.#link?.roomBytes ?? 0) : 0;
  }

  send(channel: number, bytes: Uint8Array): boolean {
    return this.#link?.sendBytes(channel, bytes) ?? true;
  }

  tell(message: ControllerMessage): void {
    if (this.#accepted) this.#link?.send(message);
  }

  pause(): void {
    this.#link?.pause();
  }

  resume(): void {
    this.#link?.resume();
  }

  /** What runs there goes on, if its kind does. */
  close(): void {
    this.#fail(new MusterError("unavailable", "the session was closed here"));
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
        if (reset !== undefined && reset >= SESSION_RESET.offline && !this.#over) return this.#refused(reset);
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
        bytes: (channel, bytes) => this.#events.output(channel, bytes),
        drain: () => this.#events.drain(),
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
        new MusterError("device_offline", `${name} is offline`, { hint: "see since when: muster device ls" }),
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
            hint: "only controllers do; see who is one: muster device owners",
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
    switch (said.type) {
      case "ready":
        this.#order().catch((error: unknown) => this.#fail(publicError(error)));
        return;
      case "refused":
        return this.#fail(errorOf(said.error));
      case "accepted":
        this.#accepted = true;
        this.#events.accepted(said.facts);
        return this.#events.inputRoom();
      case "input_taken":
        this.#inputRoom = Math.min(INPUT_WINDOW_BYTES, this.#inputRoom + said.bytes);
        return this.#events.inputRoom();
      case "outcome":
        return this.#outcome(said);
    }
  }

  async #order(): Promise<void> {
    const { crypto, signer, book } = this.#controller;
    const { log } = book;
    const problem = book.problem();
    if (this.#hash === undefined || this.#proof !== undefined || log === undefined || problem !== undefined) {
      throw problem ?? new MusterError("protocol_error", "the device was ready out of turn");
    }
    // What came with the session may have taken the device out.
    if (log.participant(this.#device.publicKey) === undefined) {
      throw new MusterError("forbidden", `${this.#device.name} belongs to this owner no more`);
    }
    const session = { crypto, sessionHash: this.#hash, deviceKey: this.#device.publicKey };
    const { command, proof } = await new CommandSigner(session, signer).sign({
      logId: log.id,
      commandId: this.#wish.commandId,
      kind: this.#wish.kind,
      request: JSON.stringify(this.#wish.request),
    });
    this.#proof = proof;
    this.#link?.send(command);
  }

  #outcome(message: unknown): void {
    if (this.#proof === undefined) {
      return this.#fail(new MusterError("protocol_error", "an outcome came before its command"));
    }
    try {
      const text = checkOutcome(this.#controller.crypto, this.#proof, message);
      const outcome = sealedOutcome.parse(JSON.parse(text));
      this.#over = true;
      this.#link?.end();
      this.#settle.resolve(outcome);
    } catch (error) {
      this.#fail(publicError(error));
    }
  }

  #fail(problem: MusterError): void {
    if (this.#over) return;
    this.#over = true;
    this.#link?.close();
    this.#settle.reject(problem);
  }
}
