// A terminal of a device, for whoever can show one. It stays on the device for ten minutes when it is left or cut, with
// what it showed last; taken up again by its name, it shows that anew from the beginning.
import { CHANNEL, errorOf, shellFacts, shellResult } from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import type { Clock, Random } from "../../world/world.ts";
import { DeviceSession, type Controller, type OrderedDevice } from "./device-session.ts";

export interface RemoteShellOptions {
  controller: Controller;
  device: OrderedDevice;
  clock: Pick<Clock, "now">;
  random: Pick<Random, "bytes">;
}

export interface ShellSize {
  cols: number;
  rows: number;
}

export interface ShellWish extends ShellSize {
  /** One that was left, to be taken up again. */
  session: string | undefined;
}

export interface ShellEnd {
  /** `code 3`, `SIGKILL`: how the program ended. Undefined when somebody else took it, or it was left. */
  how: string | undefined;
  reason: string | undefined;
}

export interface ShellEvents {
  /** What comes now is shown on an empty screen; the first `pastBytes` of it were shown before. */
  opened(session: string, pastBytes: number): void;
  /** The bytes are the receiver's own. */
  output(bytes: Uint8Array): void;
  ended(end: ShellEnd): void;
  /** It could not be opened, or was cut; then it may still be there. */
  failed(problem: MusterError): void;
}

/** Of what is typed or pasted and not sent yet. */
const INPUT_MAX_BYTES = 256 * 1024;

export class RemoteShell {
  readonly #session: DeviceSession;
  #size: ShellSize;
  #isOpen = false;
  #typed: Uint8Array[] = [];
  #typedBytes = 0;

  constructor(options: RemoteShellOptions, { session, cols, rows }: ShellWish, events: ShellEvents) {
    const { controller, device, clock, random } = options;
    const asked = { cols, rows };
    this.#size = asked;
    const request = { ...asked, ...(session === undefined ? {} : { session }) };
    this.#session = new DeviceSession(controller, device);
    const wish = { kind: "shell", request, commandId: uuidV7(clock.now(), random.bytes(10)) } as const;
    const outcome = this.#session.order(wish, {
      accepted: (facts) => {
        const read = shellFacts.safeParse(facts);
        if (!read.success) return this.#session.close();
        this.#isOpen = true;
        events.opened(read.data.session, read.data.past ?? 0);
        // It may have been resized while it was opened.
        if (this.#size !== asked) this.resize(this.#size);
      },
      output: (channel, bytes) => channel === CHANNEL.output && events.output(bytes),
      inputRoom: () => this.#send(),
      drain() {},
    });
    outcome
      .then(({ result, error }) => {
        this.#session.end();
        if (error !== undefined) throw errorOf(error);
        events.ended(endOf(result));
      })
      .catch((error: unknown) => events.failed(publicError(error)));
  }

  /** Throws `too_large`: what was typed before waits still. */
  input(bytes: Uint8Array): void {
    if (this.#typedBytes + bytes.length > INPUT_MAX_BYTES) {
      throw new MusterError("too_large", `more than ${INPUT_MAX_BYTES} bytes wait to be typed`);
    }
    this.#typed.push(bytes);
    this.#typedBytes += bytes.length;
    this.#send();
  }

  resize(size: ShellSize): void {
    this.#size = size;
    if (this.#isOpen) this.#session.tell({ type: "resize", ...size });
  }

  /** No output until `resume`, but for what is under way. */
  pause(): void {
    this.#session.pause();
  }

  resume(): void {
    this.#session.resume();
  }

  /** Leaves it: what runs there goes on. */
  leave(): void {
    this.#session.close();
  }

  #send(): void {
    for (;;) {
      const [first] = this.#typed;
      const room = this.#session.inputRoom;
      if (first === undefined || room === 0) return;
      const part = first.subarray(0, room);
      if (part.length === first.length) this.#typed.shift();
      else this.#typed[0] = first.subarray(room);
      this.#typedBytes -= part.length;
      this.#session.input(part);
    }
  }
}

function endOf(result: unknown): ShellEnd {
  const { left, exit_code: code, signal, reason } = shellResult.parse(result);
  if (left) return { how: undefined, reason };
  return { how: typeof signal === "string" ? signal : `code ${code ?? 0}`, reason };
}
