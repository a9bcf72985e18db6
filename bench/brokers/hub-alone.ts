// The hub's own part, with nothing at the ends but two connections of this process: how fast it relays what is ready,
// kept on its disk until it is taken, and how fast it carries a live stream between two devices.
import type { HubSession } from "../../src/agent/link/hub-session.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../src/identity/sealed/session-crypto-node.ts";
import { sealedStream } from "../../src/identity/sealed/session-stream.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import type { HubToClient } from "../../src/protocol/messages.ts";
import { encodeStreamWish } from "../../src/protocol/session-open.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../src/trunk/stream.ts";
import type { ByteStream, ByteStreamEvents } from "../../src/world/world.ts";
import { realWorld } from "../../src/world/real.ts";
import { benchCrypto, deviceName, deviceSigner } from "../muster/enrol.ts";
import { connectRaw } from "../muster/raw-device.ts";
import type { Joined } from "../muster/devices.ts";
import type { Stage } from "../stage.ts";
import { Arrivals, MESSAGE_BYTES, type Broker } from "./broker.ts";

/** As many as a hub lets one session leave unanswered. */
const UNANSWERED = 64;
/** As the library does. */
const TAKE_EVERY = 16;
/** So long is 64 bytes of text once it is sealed and signed. */
const SEALED_BYTES = 360;

/** Messages go over them in turns, so that nothing on the way can join two of them: each is a frame of its own. */
const STREAMS = 16;

const [near, far] = [deviceSigner(0), deviceSigner(1)];
const [nearKey, farKey] = [toBase64Url(near.publicKey), toBase64Url(far.publicKey)];

interface Ends {
  sender: HubSession;
  receiver: HubSession;
  /** Given by whoever runs now. */
  heard: { near(message: HubToClient): void; far(message: HubToClient): void };
  /** For the next stream that comes. */
  taken: { by(stream: TrunkStream): TrunkStreamEvents };
}

/** Devices 0 and 1 of the bench must be enrolled at the hub. */
export async function hubAlone(stage: Stage, { place, hub }: Joined): Promise<Broker[]> {
  const heard: Ends["heard"] = { near() {}, far() {} };
  const taken: Ends["taken"] = { by: () => ({ data() {}, drain() {}, end() {}, close() {} }) };
  const sender = await connectRaw(stage, place, {
    signer: near,
    name: deviceName(0),
    message: (message) => heard.near(message),
  });
  const receiver = await connectRaw(stage, place, {
    signer: far,
    name: deviceName(1),
    message: (message) => heard.far(message),
    opened: (stream) => taken.by(stream),
  });
  await sender.request({ type: "paired", peer: farKey }, "done");
  await receiver.request({ type: "paired", peer: nearKey }, "done");
  const ends: Ends = { sender, receiver, heard, taken };
  const sides = { hub: [hub.pid], agent: [] };
  return [
    { ...relayed(ends), ...sides },
    { ...(await streamed(ends, bareEnds)), name: "Muster's hub alone, live streams", ...sides },
    {
      ...(await streamed(ends, sealedEnds)),
      name: "Muster, live streams",
      promises: "kept nowhere, sealed end to end, TLS",
      ...sides,
    },
  ];
}

function relayed({ sender, receiver, heard }: Ends): Omit<Broker, "hub" | "agent"> {
  const payload = toBase64Url(new Uint8Array(SEALED_BYTES).fill(7));
  const there = new Arrivals();
  const back = new Arrivals();
  let echoes = false;
  let named = 0;
  const send = async (from: HubSession, to: string): Promise<void> => {
    named += 1;
    await from.request({ type: "send", to, message: `m${named}`, payload }, "relayed");
  };
  let untaken = 0;
  heard.far = (message) => {
    if (message.type !== "relay") return;
    untaken += 1;
    there.add(1);
    if (echoes) void send(receiver, nearKey);
    if (!echoes && untaken < TAKE_EVERY) return;
    untaken = 0;
    receiver.send({ type: "relay_ack", relay_id: message.relay_id });
  };
  heard.near = (message) => {
    if (message.type !== "relay") return;
    back.add(1);
    sender.send({ type: "relay_ack", relay_id: message.relay_id });
  };
  return {
    name: "Muster's hub alone, messages",
    promises: "on the hub's disk, TLS; what the ends do is left out",
    async roundTrip() {
      echoes = true;
      const came = back.more(1);
      await Promise.all([send(sender, farKey), came]);
    },
    async burst(count) {
      echoes = false;
      const came = there.more(count);
      let left = count;
      const line = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await send(sender, farKey);
        }
      };
      await Promise.all([came, ...Array.from({ length: UNANSWERED }, line)]);
    },
    // A multiple of TAKE_EVERY, so that nothing is left untaken.
    burstCount: 1_600,
  };
}

type OpenEnds = (
  ends: Ends,
  events: { near: ByteStreamEvents; far(stream: ByteStream): ByteStreamEvents },
) => Promise<ByteStream>;

/** Bytes as they are: what the hub itself does for them. */
const bareEnds: OpenEnds = async ({ sender, taken }, events) => {
  const came = Promise.withResolvers<void>();
  taken.by = (stream) => {
    came.resolve();
    return events.far(stream);
  };
  const opened = sender.openStream(encodeStreamWish(farKey), events.near);
  if (typeof opened === "string") throw new Error(`no stream: ${opened}`);
  await came.promise;
  return opened;
};

/** Every message a record of its own, sealed and opened. */
const sealedEnds: OpenEnds = async ({ sender, taken }, events) => {
  const crypto = nodeSessionCrypto(benchCrypto);
  const side = (number: number) => {
    const linkKey = nodeDhKey(benchCrypto, new Uint8Array(32).fill(number));
    return { identityKey: number === 1 ? near.publicKey : far.publicKey, linkKey };
  };
  const publicOf = ({ identityKey, linkKey }: ReturnType<typeof side>) => ({
    identityKey,
    linkKey: linkKey.publicKey,
  });
  const shared = { crypto, timers: realWorld.timers, kind: "stream" } as const;
  const proved = Promise.withResolvers<void>();
  taken.by = (stream) => {
    const both = { own: side(2), peer: publicOf(side(1)), role: "responder", stream } as const;
    let farEvents: ByteStreamEvents | undefined;
    const { stream: sealed, streamEvents } = sealedStream(
      { ...shared, ...both },
      {
        data: (bytes) => farEvents?.data(bytes),
        drain: () => farEvents?.drain(),
        end() {},
        close() {},
      },
      () => (farEvents = events.far(sealed)),
    );
    return streamEvents;
  };
  let handed: ByteStreamEvents | undefined;
  const opened = sender.openStream(encodeStreamWish(farKey), {
    data: (bytes) => handed?.data(bytes),
    drain: () => handed?.drain(),
    end: () => handed?.end(),
    close: (error) => handed?.close(error),
  });
  if (typeof opened === "string") throw new Error(`no stream: ${opened}`);
  const both = { own: side(1), peer: publicOf(side(2)), role: "initiator", stream: opened } as const;
  const { stream, streamEvents } = sealedStream({ ...shared, ...both }, events.near, () => proved.resolve());
  handed = streamEvents;
  await proved.promise;
  return stream;
};

/** Writes one message; what it returns is for one that the stream does not take at once. */
type Write = () => Promise<void> | undefined;

async function streamed(ends: Ends, openEnds: OpenEnds): Promise<Omit<Broker, "hub" | "agent">> {
  const there = new Arrivals();
  const back = new Arrivals();
  const message = new Uint8Array(MESSAGE_BYTES).fill(7);
  let echoes = false;
  const openWriter = async (): Promise<Write> => {
    let room = Promise.withResolvers<void>();
    const countBack = countWhole(back);
    const stream = await openEnds(ends, {
      near: {
        data: (bytes) => void countBack(bytes),
        drain() {
          room.resolve();
          room = Promise.withResolvers();
        },
        end() {},
        close() {},
      },
      far(far) {
        const countThere = countWhole(there);
        return {
          data(bytes) {
            const whole = countThere(bytes);
            if (echoes && whole > 0) far.write(message);
          },
          drain() {},
          end() {},
          close() {},
        };
      },
    });
    /** What is not taken goes when there is room: a burst is far more than a window. */
    const writeRest = async (from: number): Promise<void> => {
      for (let rest = message.subarray(from); rest.length > 0;) {
        const drained = room.promise;
        const taken = stream.write(rest);
        if (taken < 0) throw new Error("the stream was cut");
        rest = rest.subarray(taken);
        if (rest.length > 0) await drained;
      }
    };
    return () => {
      const taken = stream.write(message);
      return taken === MESSAGE_BYTES ? undefined : writeRest(Math.max(0, taken));
    };
  };
  const writers: Write[] = [];
  while (writers.length < STREAMS) writers.push(await openWriter());
  return {
    name: "",
    promises: "kept nowhere, TLS; what the ends do is left out",
    async roundTrip() {
      echoes = true;
      const came = back.more(1);
      await writers[0]?.();
      await came;
    },
    async burst(count) {
      echoes = false;
      const came = there.more(count);
      for (let sent = 0; sent < count; sent += 1) {
        const rest = writers[sent % STREAMS]?.();
        if (rest !== undefined) await rest;
      }
      await came;
    },
    burstCount: 50_000,
  };
}

function countWhole(arrivals: Arrivals): (bytes: Uint8Array) => number {
  let bytesOfNext = 0;
  return (bytes) => {
    bytesOfNext += bytes.length;
    const whole = Math.floor(bytesOfNext / MESSAGE_BYTES);
    bytesOfNext -= whole * MESSAGE_BYTES;
    if (whole > 0) arrivals.add(whole);
    return whole;
  };
}
