// The sealed session that a file goes through between two paired devices, over a stream that the hub joins and
// cannot look into. Both ends prove the link keys that they have pinned; of the hub nothing is believed.
import type { DhKey, SessionCrypto } from "../../identity/sealed/session-crypto.ts";
import { SealedSession } from "../../identity/sealed/session.ts";
import { MusterError } from "../../protocol/errors.ts";
import { FILE_KIND } from "../../protocol/file-messages.ts";
import { SESSION_RESET } from "../../protocol/session-open.ts";
import { RESET } from "../../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Timers } from "../../world/world.ts";
import type { FileChannel } from "./file-channel.ts";

export interface FileEnds {
  crypto: SessionCrypto;
  timers: Timers;
  own: { identityKey: Uint8Array; linkKey: DhKey };
  /** As it was pinned. */
  peer: { identityKey: Uint8Array; linkKey: Uint8Array };
}

/** The sending end. `open` asks for the stream and throws where there is no way. */
export function dialFile(
  channel: FileChannel,
  ends: FileEnds,
  open: (events: TrunkStreamEvents) => TrunkStream,
): void {
  let session: SealedSession | undefined;
  const stream = open({
    data: (bytes) => session?.streamEvents.data(bytes),
    drain: () => session?.streamEvents.drain(),
    end: () => session?.streamEvents.end(),
    close: (error) => session?.streamEvents.close(error),
    reset: (code) => channel.fail(awayBy(code)),
  });
  session = new SealedSession({ ...ends, role: "initiator", kind: FILE_KIND, stream }, channel.events);
  channel.attach(session);
}

/** The receiving end, for a stream that the hub has opened. Returns what the stream's events go to. */
export function answerFile(
  channel: FileChannel,
  ends: FileEnds,
  stream: TrunkStream,
): SealedSession["streamEvents"] {
  const session = new SealedSession({ ...ends, role: "responder", kind: FILE_KIND, stream }, channel.events);
  channel.attach(session);
  return session.streamEvents;
}

/** By the code with which the hub, or the device itself, dropped the stream. */
function awayBy(code: number): MusterError {
  switch (code) {
    case SESSION_RESET.offline:
      return new MusterError("device_offline", "the device is not online");
    case SESSION_RESET.tooMany:
      return new MusterError("too_many", "the device takes no more files at once");
    case SESSION_RESET.unknownDevice:
      return new MusterError("unavailable", "the hub does not relay to the device");
    case RESET.refused:
      return new MusterError("unavailable", "the device takes no files of this size");
    case SESSION_RESET.unknownCaller:
      return new MusterError("unavailable", "the device does not know this one: pair them again");
    default:
      return new MusterError("session_cut", "the connection to the device was cut");
  }
}
