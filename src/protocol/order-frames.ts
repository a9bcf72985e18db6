// How an agent hands a running order to its CLI: as the body of one answer, frames of
//
//   u8 type ‖ u32 length ‖ payload
//
// where types 1 and 2 are what the far program wrote, byte for byte, and 3 is one JSON event.

import { z } from "zod";
import { concat, fromUtf8, u32, utf8 } from "./bytes.ts";
import { errorBody, sealedOutcome } from "./command-messages.ts";
import { MusterError } from "./errors.ts";

export const ORDER_FRAME = { output: 1, errors: 2, event: 3 } as const;
const HEAD_BYTES = 5;
/** An outcome with its log; pieces of output are far smaller. */
const FRAME_MAX_BYTES = 2 * 1024 * 1024;

export const orderEvent = z.discriminatedUnion("type", [
  /** Its first frame. By this id it is given input and signals. */
  z.object({ type: z.literal("opened"), order: z.string() }),
  /** It can't be given now: until when it is tried again, ISO 8601. */
  z.object({ type: z.literal("waiting"), reason: errorBody, until: z.iso.datetime() }),
  /** It waits here, durably, until the device is there; whoever ordered it need not wait. */
  z.object({
    type: z.literal("queued"),
    task: z.string(),
    device: z.object({ id: z.string(), name: z.string() }),
    reason: errorBody,
  }),
  /** The device has it durably. */
  z.object({
    type: z.literal("accepted"),
    device: z.object({ id: z.string(), name: z.string() }),
    facts: z.record(z.string(), z.unknown()),
  }),
  /** The session broke; what was written meanwhile may be missing. */
  z.object({ type: z.literal("lost"), reason: errorBody }),
  /** Its last frame. */
  z.object({ type: z.literal("ended"), outcome: sealedOutcome }),
  /** As well: it was not given, or how it ended can't be known. */
  z.object({ type: z.literal("failed"), error: errorBody }),
]);
export type OrderEvent = z.infer<typeof orderEvent>;

export type OrderFrame =
  | { type: "output" | "errors"; bytes: Uint8Array }
  | { type: "event"; event: OrderEvent };

export function encodeOrderBytes(type: "output" | "errors", bytes: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(ORDER_FRAME[type]), u32(bytes.length), bytes);
}

export function encodeOrderEvent(event: OrderEvent): Uint8Array {
  const bytes = utf8(JSON.stringify(event));
  return concat(Uint8Array.of(ORDER_FRAME.event), u32(bytes.length), bytes);
}

/** Throws `protocol_error` for what is no such stream. Bytes of a frame that did not end are dropped. */
export async function* readOrderFrames(body: AsyncIterable<Uint8Array>): AsyncGenerator<OrderFrame> {
  let held: Uint8Array = new Uint8Array(0);
  for await (const piece of body) {
    held = held.length === 0 ? new Uint8Array(piece) : concat(held, piece);
    for (;;) {
      const frame = frameAt(held);
      if (frame === undefined) break;
      held = held.subarray(frame.end);
      yield readFrame(frame.type, frame.payload);
    }
  }
}

function frameAt(held: Uint8Array): { type: number; payload: Uint8Array; end: number } | undefined {
  if (held.length < HEAD_BYTES) return undefined;
  const length = new DataView(held.buffer, held.byteOffset).getUint32(1);
  if (length > FRAME_MAX_BYTES) throw malformed();
  const end = HEAD_BYTES + length;
  return held.length < end ? undefined : { type: held[0] ?? 0, payload: held.slice(HEAD_BYTES, end), end };
}

function readFrame(type: number, bytes: Uint8Array): OrderFrame {
  if (type === ORDER_FRAME.output) return { type: "output", bytes };
  if (type === ORDER_FRAME.errors) return { type: "errors", bytes };
  const event = orderEvent.safeParse(parse(bytes));
  if (type !== ORDER_FRAME.event || !event.success) throw malformed();
  return { type: "event", event: event.data };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes) ?? "");
  } catch {
    return undefined; // which is no event
  }
}

function malformed(): MusterError {
  return new MusterError("protocol_error", "the agent's account of an order can't be read");
}
