// A port of another device on this machine's loopback. Whoever connects here gets a stream of a trunk that runs
// inside one sealed session. For an HTTP service only requests that name this very port as their Host pass: a page of
// elsewhere that a browser was tricked into sending here is refused.
import { splitHost } from "../../http1/host.ts";
import { parseRequestHead } from "../../http1/request-head.ts";
import { CHANNEL, type SealedOutcome } from "../../protocol/command-messages.ts";
import { concat, utf8 } from "../../protocol/bytes.ts";
import { HEAD_MAX_BYTES } from "../../protocol/limits.ts";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import { createPump } from "../../trunk/pump.ts";
import { Trunk } from "../../trunk/trunk.ts";
import type { ByteStreamEvents, Clock, Listener, Network, Socket } from "../../world/world.ts";
import { sessionWire } from "../exec/session-wire.ts";
import type { Controller, OrderedDevice } from "../../client/commands/device-session.ts";
import { PlacedOrder } from "../../client/commands/order.ts";

export interface LocalForwardParts {
  controller: Controller;
  clock: Clock;
  network: Pick<Network, "listen">;
  device: OrderedDevice;
}

export interface LocalForward {
  readonly outcome: Promise<SealedOutcome>;
  close(): void;
}

/** `opened` is told the bound port, and what the device said of the service. */
export async function openForward(
  { controller, clock, network, device }: LocalForwardParts,
  wish: { order: string; service: string | number; port: number },
  opened: (facts: Record<string, unknown>) => void,
): Promise<LocalForward> {
  const { promise: accepted, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
  let trunk: Trunk | undefined;
  const order = new PlacedOrder(
    controller,
    device,
    { kind: "forward", request: { service: wish.service }, commandId: wish.order },
    {
      accepted: resolve,
      output: (_, bytes) => trunk?.wire.data(bytes),
      inputRoom: () => {},
      drain: () => trunk?.wire.drain(),
    },
  );
  // A refusal stands in the outcome, which then comes without an acceptance.
  order.outcome.then(
    ({ error }) =>
      reject(
        new MusterError(
          error?.code ?? "unavailable",
          error?.message ?? "it ended at once",
          error?.hint === undefined ? {} : { hint: error.hint },
        ),
      ),
    reject,
  );
  const facts = await accepted;
  trunk = new Trunk({
    role: "hub",
    stream: sessionWire(order, CHANNEL.input),
    clock,
    timers: controller.timers,
    events: {
      opened(stream) {
        stream.close();
        return { data() {}, drain() {}, end() {}, close() {} };
      },
      message() {},
      goaway() {},
      closed: () => order.close(),
    },
  });
  const running = trunk;
  let listener: Listener | undefined;
  const close = (): void => {
    listener?.close();
    running.close("done", "the forward ended here");
    order.tell({ type: "input_end" });
    order.close();
  };
  try {
    const isHttp = facts["service_type"] === "http";
    listener = await network.listen({
      address: { host: "127.0.0.1", port: wish.port },
      connection: (socket) => connect(running, socket, () => (isHttp ? listener?.port : undefined)),
    });
  } catch (error) {
    close();
    if (systemCode(error) !== "EADDRINUSE") throw error;
    throw new MusterError("port_taken", `port ${wish.port} of this machine is already in use`, {
      hint: "name another one behind the service",
    });
  }
  opened({ ...facts, local_port: listener.port });
  const bound = listener;
  return { outcome: order.outcome.finally(() => bound.close()), close };
}

function connect(trunk: Trunk, socket: Socket, httpPort: () => number | undefined): ByteStreamEvents {
  const pump = createPump();
  const stream = trunk.open(new Uint8Array(0), {
    data: (bytes) => pump.right.data(bytes),
    drain: () => pump.right.drain(),
    end: () => pump.right.end(),
    close: (error) => pump.right.close(error),
  });
  if (typeof stream === "string") {
    socket.close();
    return { data() {}, drain() {}, end() {}, close() {} };
  }
  pump.left.attach(socket);
  pump.right.attach(stream);
  const port = httpPort();
  return port === undefined ? pump.left : behindHostCheck(pump.left, socket, port);
}

/** Looks at the first head of a connection, which says as much of its sender as every later one. */
function behindHostCheck(through: ByteStreamEvents, socket: Socket, port: number): ByteStreamEvents {
  let held: Uint8Array | undefined = new Uint8Array(0);
  return {
    ...eventsOf(through),
    data(bytes) {
      if (held === undefined) return through.data(bytes);
      held = concat(held, bytes);
      const head = parseRequestHead(held);
      if (head.kind === "more" && held.length <= HEAD_MAX_BYTES) return;
      if (head.kind !== "request" || !isOwnHost(head.host, port)) {
        socket.write(REFUSED_HOST);
        return socket.finish();
      }
      const whole = held;
      held = undefined;
      through.data(whole);
    },
  };
}

const REASON = "this forward answers for its own address only\n";
const REFUSED_HOST = utf8(
  `HTTP/1.1 421 Misdirected Request\r\nContent-Type: text/plain\r\nContent-Length: ${REASON.length}\r\n` +
    `Connection: close\r\n\r\n${REASON}`,
);

function isOwnHost(host: string, port: number): boolean {
  const asked = splitHost(host);
  // Programs leave out the usual port.
  return asked !== undefined && OWN_NAMES.has(asked.name) && (asked.port ?? USUAL_PORT) === port;
}

const OWN_NAMES: ReadonlySet<string> = new Set(["localhost", "127.0.0.1"]);
const USUAL_PORT = 80;

function eventsOf(events: ByteStreamEvents): ByteStreamEvents {
  return {
    data: (bytes) => events.data(bytes),
    drain: () => events.drain(),
    end: () => events.end(),
    close: (error) => events.close(error),
  };
}
