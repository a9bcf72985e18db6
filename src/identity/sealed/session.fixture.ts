// Two ends of a sealed session with a relay between them that a test may be dishonest in. Streams hand on at
// once, in memory; what passed is kept.

import { concat } from "../../protocol/bytes.ts";
import type { MusterError } from "../../protocol/errors.ts";
import type { ByteStream, ByteStreamEvents, Timers } from "../../world/world.ts";
import { nodeSide, secretOf, webSide } from "./session-crypto.fixture.ts";
import type { TestSessionCrypto } from "./session-crypto.fixture.ts";
import type { DhKey } from "./session-crypto.ts";
import { SealedSession } from "./session.ts";
import type { SealedSessionOptions } from "./session.ts";

export class TestTimers implements Timers {
  #tasks: { atMs: number; everyMs: number | undefined; run: () => void }[] = [];
  #nowMs = 0;

  after(delayMs: number, run: () => void): { cancel(): void } {
    return this.#add(delayMs, undefined, run);
  }

  every(periodMs: number, run: () => void): { cancel(): void } {
    return this.#add(periodMs, periodMs, run);
  }

  soon(run: () => void): void {
    queueMicrotask(run);
  }

  get count(): number {
    return this.#tasks.length;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const task of this.#tasks.filter(({ atMs }) => atMs <= this.#nowMs)) {
      if (task.everyMs === undefined) this.#tasks = this.#tasks.filter((other) => other !== task);
      else task.atMs += task.everyMs;
      task.run();
    }
  }

  #add(delayMs: number, everyMs: number | undefined, run: () => void): { cancel(): void } {
    const task = { atMs: this.#nowMs + delayMs, everyMs, run };
    this.#tasks.push(task);
    return { cancel: () => void (this.#tasks = this.#tasks.filter((other) => other !== task)) };
  }
}

/** One end's stream. What is written goes to `sent`, as far as there is room. */
export class TestWire implements ByteStream {
  readonly sent: Uint8Array[] = [];
  capacityBytes = Number.POSITIVE_INFINITY;
  paused = false;
  shut = false;
  closed = false;
  onWrite: (bytes: Uint8Array) => void = () => undefined;

  write(bytes: Uint8Array): number {
    if (this.closed || this.shut) return -1;
    const taken = Math.min(bytes.length, this.capacityBytes);
    this.capacityBytes -= taken;
    if (taken === 0) return 0;
    const copy = bytes.slice(0, taken);
    this.sent.push(copy);
    this.onWrite(copy);
    return taken;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  shutdown(): void {
    this.shut = true;
  }

  close(): void {
    this.closed = true;
  }

  get bytes(): Uint8Array {
    return concat(...this.sent);
  }
}

/** A session with what it told its owner. */
export interface TestEnd {
  session: SealedSession;
  wire: TestWire;
  told: string[];
  messages: Uint8Array[];
  hash: Uint8Array | undefined;
  problem: MusterError | undefined;
}

export interface TestParty {
  side: TestSessionCrypto;
  identityKey: Uint8Array;
  linkKey: DhKey;
}

export async function party(name: string, side: TestSessionCrypto = nodeSide): Promise<TestParty> {
  return {
    side,
    identityKey: secretOf(`${name} identity`),
    linkKey: await side.dhKey(secretOf(`${name} link`)),
  };
}

export function end(
  own: TestParty,
  peer: TestParty,
  options: Pick<SealedSessionOptions, "role"> & Partial<SealedSessionOptions>,
): TestEnd {
  const wire = new TestWire();
  const made: Omit<TestEnd, "session"> = {
    wire,
    told: [],
    messages: [],
    hash: undefined,
    problem: undefined,
  };
  const session = new SealedSession(
    {
      crypto: own.side.crypto,
      timers: new TestTimers(),
      kind: "test",
      own: { identityKey: own.identityKey, linkKey: own.linkKey },
      peer: { identityKey: peer.identityKey, linkKey: peer.linkKey.publicKey },
      stream: wire,
      ...options,
    },
    {
      open(hash) {
        whole.hash = hash;
        whole.told.push("open");
      },
      message(bytes) {
        whole.messages.push(bytes);
        whole.told.push("message");
      },
      drain: () => whole.told.push("drain"),
      end: () => whole.told.push("end"),
      close(problem) {
        whole.problem = problem;
        whole.told.push(problem === undefined ? "close" : `close: ${problem.code}`);
      },
    },
  );
  const whole: TestEnd = Object.assign(made, { session });
  return whole;
}

export function join(a: TestEnd, b: TestEnd): void {
  const hand = (from: TestEnd, to: ByteStreamEvents): void => {
    from.wire.onWrite = (bytes) => to.data(bytes);
    for (const bytes of from.wire.sent) to.data(bytes);
  };
  hand(a, b.session.streamEvents);
  hand(b, a.session.streamEvents);
}

/** Far more than any of these waits takes, less than a test may. */
const UNTIL_MS = 4000;

/** Waits until a condition holds. WebCrypto works on threads of its own, so turns alone say nothing. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + UNTIL_MS;
  while (performance.now() < end) {
    if (condition()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  throw new Error("it never came to that");
}

export interface TestLink {
  a: TestEnd;
  b: TestEnd;
}

/** An open session between a program and a browser. */
export async function open(options: Partial<SealedSessionOptions> = {}): Promise<TestLink> {
  const [anna, ben] = [await party("anna"), await party("ben", webSide)];
  const a = end(anna, ben, { role: "initiator", ...options });
  const b = end(ben, anna, { role: "responder", ...options });
  join(a, b);
  await until(() => a.hash !== undefined && b.hash !== undefined);
  return { a, b };
}
