// For tests alone: sessions of devices and askers over trunks in memory, all on one clock that is advanced by hand.
import { encodeCallOpen, type CallKind } from "../../protocol/call-open.ts";
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { REQUEST_LINE_MAX_BYTES } from "../../protocol/capability-messages.ts";
import type { DeviceRow } from "../../store/devices.ts";
import { LineStream } from "../../trunk/line-stream.ts";
import { FakeTime, pipe, type PipeEnd } from "../../trunk/testing.ts";
import { Trunk, type TrunkEvents } from "../../trunk/trunk.ts";
import type { Offered } from "../devices/offers.ts";
import type { Session } from "../sessions/session.ts";
import type { CallDesk } from "../sessions/streams.ts";

export const OWN_ROOT = toBase64Url(new Uint8Array(32).fill(1));
export const OTHER_ROOT = toBase64Url(new Uint8Array(32).fill(2));
export const SOME_SIGNATURE = toBase64Url(new Uint8Array(64));

export interface FakeDevice {
  id: string;
  name: string;
  /** Messages that reached it. */
  asked: unknown[];
  /** Calls that the hub took back. */
  dropped: number;
  /** The network towards it is gone, at once and told. */
  cut(): void;
}

export interface FakeAsker {
  lines: LineStream;
  heard: Record<string, unknown>[];
  told: string[];
  /** Says this as it is, a whole line or not. */
  raw(text: string): void;
  /** Another stream of the same session. */
  again(): FakeAsker;
}

type Answering = (message: unknown, lines: LineStream) => void;

export class FakeFleet {
  readonly time = new FakeTime();
  readonly #rows: DeviceRow[] = [];
  readonly #offers = new Map<string, Offered>();
  readonly #sessions = new Map<string, Session>();

  readonly devices = {
    ofOwners: (roots: readonly string[]) => this.#rows.filter((row) => roots.includes(row.owner_root)),
    commandedBy: (roots: readonly string[]) => this.devices.ofOwners(roots),
  };
  readonly offers = {
    of: (id: string): Offered => this.#offers.get(id) ?? { services: [], capabilities: [], queries: [] },
  };
  readonly directory = { device: (id: string) => this.#sessions.get(id) };

  /** Without `answer` it is away. */
  /** Its key is 32 times its number, counted from 10. */
  add(name: string, offered: Partial<Offered>, answer?: Answering): FakeDevice {
    const id = `id-${name}`;
    // What the desks look at.
    this.#rows.push({
      device_id: id,
      name,
      public_key: new Uint8Array(32).fill(this.#rows.length + 10),
      owner_root: OWN_ROOT,
      last_seen: 0,
      revoked_at: null,
      confirmed: 1,
      kind: "desktop",
    } as unknown as DeviceRow);
    this.#offers.set(id, { services: [], capabilities: [], queries: [], ...offered });
    const device: FakeDevice = { id, name, asked: [], dropped: 0, cut: () => {} };
    if (answer !== undefined) this.#connect(device, answer);
    return device;
  }

  /** A client whose stream `desk` answers. */
  ask(desk: CallDesk, roots: readonly string[] = [OWN_ROOT], kind: CallKind = "capability"): FakeAsker {
    const session = {
      key: toBase64Url(new Uint8Array(32).fill(9)),
      actor: {
        kind: "register",
        deviceKey: "",
        deviceId: "",
        roles: new Map(roots.map((r) => [r, "member"])),
      },
    } as unknown as Session; // what the desks look at
    const near = this.#joined({
      opened: (stream) => desk.open(session, stream),
    });
    return this.#asker(near.far, kind);
  }

  #asker(trunk: Trunk, kind: CallKind): FakeAsker {
    const heard: FakeAsker["heard"] = [];
    const told: string[] = [];
    const lines = new LineStream({
      message: (value) => heard.push(value as Record<string, unknown>), // the test looks at its fields
      end: () => told.push("end"),
      close: (error) => told.push(`close ${error?.code ?? ""}`.trim()),
    });
    const stream = trunk.open(encodeCallOpen(kind), lines.streamEvents);
    if (typeof stream === "string") throw new Error(stream);
    lines.attach(stream);
    this.time.settle();
    const raw = (text: string): void => {
      let rest = utf8(text);
      while (rest.length > 0) {
        const taken = stream.write(rest);
        if (taken < 0) return;
        rest = rest.subarray(taken);
        this.time.advance(1);
      }
    };
    return { lines, heard, told, raw, again: () => this.#asker(trunk, kind) };
  }

  #connect(device: FakeDevice, answer: Answering): void {
    const { near, pipes } = this.#joined(
      { opened: () => ({ data() {}, drain() {}, end() {}, close() {} }) },
      {
        opened: (stream) => {
          const lines: LineStream = new LineStream(
            {
              message: (value) => {
                device.asked.push(value);
                answer(value, lines);
              },
              reset: () => (device.dropped += 1),
            },
            { lineMaxBytes: REQUEST_LINE_MAX_BYTES },
          );
          lines.attach(stream);
          return lines.streamEvents;
        },
      },
    );
    const session = { trunk: near, leaving: false } as unknown as Session; // what the desks look at
    this.#sessions.set(device.id, session);
    device.cut = () => {
      this.#sessions.delete(device.id);
      for (const end of pipes) end.close(new Error("cut"));
    };
  }

  #joined(near: Partial<TrunkEvents>, far: Partial<TrunkEvents> = {}) {
    const pipes: readonly [PipeEnd, PipeEnd] = pipe(this.time);
    const trunkOf = (role: "hub" | "agent", events: Partial<TrunkEvents>, end: PipeEnd): Trunk => {
      const trunk = new Trunk({
        role,
        stream: end,
        timers: this.time,
        clock: this.time,
        events: {
          opened: () => ({ data() {}, drain() {}, end() {}, close() {} }),
          message() {},
          goaway() {},
          closed() {},
          failed: (error) => {
            throw error;
          },
          ...events,
        },
      });
      end.events = trunk.wire;
      return trunk;
    };
    return { near: trunkOf("hub", near, pipes[0]), far: trunkOf("agent", far, pipes[1]), pipes };
  }
}
