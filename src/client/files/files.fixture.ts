// Two ends of a file on its way with nothing between them but a queue, which a test may cut, hold or rewrite; a
// sender's disk and a receiver's in memory. The seal below is tested where it is made.
import { createHash } from "node:crypto";
import { concat, toBase64Url } from "../../protocol/bytes.ts";
import { encodeFileMessage, readFileMessage, type FileMessage } from "../../protocol/file-messages.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { FileChannel, type FileLine } from "./file-channel.ts";
import { receiveFile, type FileSink, type ReceiveFile } from "./receive-file.ts";
import type { StartHash } from "./running-hash.ts";
import { sendFile, type SendFile } from "./send-file.ts";

export const startHash: StartHash = () => {
  const hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.copy().digest()),
  };
};

export function sha256(bytes: Uint8Array): string {
  return toBase64Url(new Uint8Array(createHash("sha256").update(bytes).digest()));
}

/** Bytes that no place of which looks like another. */
export function content(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** What a receiver's disk keeps between sessions. */
export class Shelf {
  bytes: Uint8Array = new Uint8Array(0);
  readonly inbox: string[] = [];
  written = 0;
  largestWrite = 0;
  /** Every write waits for it. */
  slow: (() => Promise<void>) | undefined;

  host(): ReceiveFile {
    return {
      startHash,
      moved: () => {},
      take: (offer) => {
        const [kept] = this.inbox;
        return Promise.resolve(kept === undefined ? { sink: this.sink(offer.id) } : { kept });
      },
    };
  }

  sink(_id: string): FileSink {
    let open = true;
    const demand = (): void => {
      if (!open) throw new Error("it was closed");
    };
    return {
      held: this.bytes.length,
      read: (position, length) => Promise.resolve(this.bytes.slice(position, position + length)),
      restart: () => {
        this.bytes = new Uint8Array(0);
        return Promise.resolve();
      },
      write: async (pieces) => {
        demand();
        await this.slow?.();
        const more = concat(...pieces);
        this.bytes = concat(this.bytes, more);
        this.written += more.length;
        this.largestWrite = Math.max(this.largestWrite, more.length);
      },
      keep: (hash) => {
        demand();
        this.inbox.push(hash);
        return Promise.resolve();
      },
      close: () => {
        open = false;
        return Promise.resolve();
      },
    };
  }
}

/** One end's line: what it says goes to `deliver`. */
export class TestLine implements FileLine {
  readonly said: Uint8Array[] = [];
  held = false;
  ended = false;
  closed = false;
  /** What waits for an end that is paused. */
  #waiting: Uint8Array[] = [];
  deliver: (bytes: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  onClose: () => void = () => {};
  onResume: () => void = () => {};
  /** Taken, but wait for `drain`, above this. */
  roomMessages = Number.POSITIVE_INFINITY;
  far: TestLine | undefined;

  send(...parts: readonly Uint8Array[]): boolean {
    const bytes = concat(...parts);
    this.said.push(bytes);
    const { far } = this;
    if (far?.held === true) far.#waiting.push(bytes);
    else this.deliver(bytes);
    return (far?.waiting ?? 0) < this.roomMessages;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  pause(): void {
    this.held = true;
  }

  resume(): void {
    this.held = false;
    while (this.#waiting.length > 0 && !this.held) {
      const bytes = this.#waiting.shift();
      if (bytes !== undefined) this.far?.deliver(bytes);
    }
    if (this.#waiting.length === 0) this.onResume();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClose();
  }
}

export interface Ends {
  time: FakeTime;
  sender: FileChannel;
  receiver: FileChannel;
  fromSender: TestLine;
  fromReceiver: TestLine;
  cut(): void;
}

/** `change` sees each message on its way; undefined loses it. */
export function join(
  change: (from: "sender" | "receiver", bytes: Uint8Array, ends: Ends) => Uint8Array | undefined = (
    _,
    bytes,
  ) => bytes,
): Ends {
  const time = new FakeTime();
  const [sender, receiver] = [new FileChannel(time), new FileChannel(time)];
  const [fromSender, fromReceiver] = [new TestLine(), new TestLine()];
  fromSender.far = fromReceiver;
  fromReceiver.far = fromSender;
  const ends: Ends = {
    time,
    sender,
    receiver,
    fromSender,
    fromReceiver,
    cut() {
      sender.events.close();
      receiver.events.close();
    },
  };
  const carry = (from: "sender" | "receiver", line: TestLine, to: FileChannel): void => {
    line.deliver = (bytes) => {
      const passed = change(from, bytes, ends);
      if (passed !== undefined) queueMicrotask(() => to.events.message(passed));
    };
    line.onEnd = () =>
      queueMicrotask(() => {
        to.events.end();
        if (fromSender.ended && fromReceiver.ended) ends.cut();
      });
    line.onClose = () => queueMicrotask(() => ends.cut());
    // Room at one end is news for the other.
    line.onResume = () => queueMicrotask(() => to.events.drain());
  };
  carry("sender", fromSender, receiver);
  carry("receiver", fromReceiver, sender);
  sender.attach(fromSender);
  receiver.attach(fromReceiver);
  sender.events.open(new Uint8Array(32));
  receiver.events.open(new Uint8Array(32));
  return ends;
}

export function fileOf(bytes: Uint8Array, change: Partial<SendFile> = {}): SendFile {
  return {
    offer: { id: "the-same-file-again", name: "photo.jpg", size: bytes.length },
    source: {
      read: (position, length) => Promise.resolve(bytes.slice(position, position + length)),
      check: () => Promise.resolve(),
    },
    startHash,
    moved: () => {},
    ...change,
  };
}

export interface Ended {
  sent: string;
  received: string;
}

/** How both ended: the hash or "ok", else the code. */
export async function run(ends: Ends, file: SendFile, host: ReceiveFile): Promise<Ended> {
  const [sent, received] = await Promise.all([
    outcome(sendFile(ends.sender, file)),
    outcome(receiveFile(ends.receiver, host).then(() => "ok")),
  ]);
  return { sent, received };
}

export async function outcome(work: Promise<string>): Promise<string> {
  try {
    return await work;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** A peer that says what a test wants, against the real other end. */
export function say(line: TestLine, message: FileMessage): void {
  line.send(encodeFileMessage(message));
}

export function piece(bytes: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0), bytes);
}

export function messagesOf(line: TestLine): FileMessage[] {
  return line.said.flatMap((bytes) => readFileMessage(bytes) ?? []);
}

/** Lets promises and microtasks go on. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
