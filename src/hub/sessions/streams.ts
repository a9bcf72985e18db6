// Streams that a proven session opens: a session with another device, which is joined and not looked into, or a call,
// which the hub reads and answers. Anything else is refused.
import { readCallOpen, type CallKind } from "../../protocol/call-open.ts";
import { isSessionOpen } from "../../protocol/session-open.ts";
import { RESET } from "../../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Session } from "./session.ts";
import type { Splices } from "./splices.ts";

/** Answers the calls of one kind. */
export interface CallDesk {
  open(session: Session, stream: TrunkStream): TrunkStreamEvents;
}

export interface StreamDesks {
  splices: Pick<Splices, "open">;
  calls: Readonly<Record<CallKind, CallDesk>>;
}

export function openStream(
  { splices, calls }: StreamDesks,
  session: Session,
  { stream, payload }: { stream: TrunkStream; payload: Uint8Array },
): TrunkStreamEvents {
  if (isSessionOpen(payload)) return splices.open(session, stream, payload);
  const kind = readCallOpen(payload);
  const desk = kind === undefined ? undefined : calls[kind];
  if (desk !== undefined) return desk.open(session, stream);
  stream.reset(RESET.refused);
  return { data() {}, drain() {}, end() {}, close() {} };
}
