// One command to one device, in a sealed session of its own.
import type { ControllerMessage, SealedOutcome } from "../../protocol/command-messages.ts";
import {
  DeviceSession,
  type Controller,
  type OrderedDevice,
  type OrderEvents,
  type OrderWish,
} from "./device-session.ts";

export class PlacedOrder {
  /** Rejects with the device's refusal, or what kept it from being asked. */
  readonly outcome: Promise<SealedOutcome>;
  readonly #session: DeviceSession;

  constructor(controller: Controller, device: OrderedDevice, wish: OrderWish, events: OrderEvents) {
    this.#session = new DeviceSession(controller, device);
    this.outcome = this.#session.order(wish, events);
    // Whoever closes an order before its end may not be waiting for it.
    this.outcome.then(
      () => this.#session.end(),
      () => {},
    );
  }

  /** How many bytes `input` takes now; none before it was accepted. */
  get inputRoom(): number {
    return this.#session.inputRoom;
  }

  /** At most `inputRoom` bytes. */
  input(bytes: Uint8Array): void {
    this.#session.input(bytes);
  }

  /** Without the window of input: for what bounds itself. */
  get roomBytes(): number {
    return this.#session.roomBytes;
  }

  send(channel: number, bytes: Uint8Array): boolean {
    return this.#session.send(channel, bytes);
  }

  tell(message: ControllerMessage): void {
    this.#session.tell(message);
  }

  pause(): void {
    this.#session.pause();
  }

  resume(): void {
    this.#session.resume();
  }

  /** What runs there goes on, if its kind does. */
  close(): void {
    this.#session.close();
  }
}
