// One WebSocket to a hub as a line of messages: a trunk on top of it, which also asks every 2 s whether the
// hub is still there and gives up after 5 s of silence. Ends exactly once, by `lost` or by `drop`.
import { fromUtf8, utf8 } from "../protocol/bytes.ts";
import { isErrorCode, MusterError } from "../protocol/errors.ts";
import { PROVEN_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import type { TrunkClosed } from "../trunk/closing.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import { Trunk, type OpenRefusal } from "../trunk/trunk.ts";
import { WebSocketWire } from "../trunk/web-socket.ts";
import type { World } from "../world/world.ts";
import type { ClientSocket } from "./socket.ts";

export interface LineEvents {
  /** Text of one message; undefined when it was not UTF-8. */
  message(text: string | undefined): void;
  /** Something came, be it only the answer to a ping. */
  heard(): void;
  /** The hub opened a stream: who is told of it. The payload is only valid during the call. */
  opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents;
  lost(problem: MusterError): void;
}

export interface Line {
  send(text: string): void;
  /** A stream towards the hub; in words why there is none. */
  open(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal;
  /** The far side has proved who it is: its longer messages are taken from now on. */
  trust(): void;
  drop(): void;
}

export function openLine(
  socket: ClientSocket,
  world: Pick<World, "clock" | "timers">,
  events: LineEvents,
): Line {
  let trunk: Trunk | undefined;
  let over = false;
  const wire = new WebSocketWire(socket, world.timers);

  const lose = (problem: MusterError): void => {
    if (over) return;
    over = true;
    events.lost(problem);
  };

  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    if (over) return socket.close();
    const opened = new Trunk({
      role: "agent",
      stream: wire,
      timers: world.timers,
      clock: world.clock,
      events: {
        opened: (stream, payload) => events.opened(stream, payload),
        message: (bytes) => (over ? undefined : events.message(fromUtf8(bytes))),
        goaway() {},
        closed: (closed) => lose(problemOf(closed)),
        failed: (error) => lose(new MusterError("internal", "internal error", { cause: error })),
      },
    });
    trunk = opened;
    wire.attach({
      ...opened.wire,
      data(bytes) {
        if (!over) events.heard();
        opened.wire.data(bytes);
      },
    });
  });
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string" || data instanceof ArrayBuffer) wire.message(data);
  });
  socket.addEventListener("close", (event) => {
    // With a trunk this reaches it, and it tells the reason it may have heard before.
    wire.closed();
    lose(closeProblem(event));
  });
  socket.addEventListener("error", () =>
    lose(new MusterError("hub_unreachable", "the hub could not be reached")),
  );

  return {
    send(text) {
      trunk?.message(utf8(text));
    },
    open: (payload, streamEvents) => trunk?.open(payload, streamEvents) ?? "closed",
    trust: () => trunk?.allowMessages(PROVEN_MESSAGE_MAX_BYTES),
    drop() {
      over = true;
      if (trunk === undefined) socket.close();
      else trunk.close("done", "the client is done");
    },
  };
}

function problemOf({ code, reason }: TrunkClosed): MusterError {
  if (code === "dead") return new MusterError("hub_unreachable", "the hub has been silent for 5 s");
  if (isErrorCode(code)) return new MusterError(code, reason);
  const how = code === "lost" ? reason : `the hub closed the connection: ${reason}`;
  return new MusterError("hub_unreachable", how);
}

function closeProblem(event: { code: number; reason: string }): MusterError {
  const why =
    event.reason === "" ? `code ${event.code}` : `${event.reason.slice(0, 200)} (code ${event.code})`;
  return new MusterError("hub_unreachable", `the connection to the hub was closed: ${why}`);
}
