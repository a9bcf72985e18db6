// Ports of this machine for its owner: inside a sealed session runs a trunk of its own, one stream for each
// connection. Only ports that this device has registered are dialled, and only on its own loopback.
import { CHANNEL, type SealedOutcome, type SealedRequest } from "../../protocol/command-messages.ts";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import { createPump } from "../../trunk/pump.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import { Trunk } from "../../trunk/trunk.ts";
import type { Clock, Network, Timers } from "../../world/world.ts";
import type { CommandKind } from "./command-kind.ts";
import { sessionWire } from "./session-wire.ts";

const DIAL_TIMEOUT_MS = 10_000;

export interface RegisteredPort {
  name: string;
  port: number;
  type: "http" | "tcp";
}

export interface ForwardsOptions {
  clock: Clock;
  timers: Timers;
  network: Pick<Network, "connect">;
  /** What may be reached now. */
  ports(): readonly RegisteredPort[];
}

export function forwardCommand(options: ForwardsOptions): CommandKind<SealedRequest<"forward">> {
  return {
    async start({ service }, { peer }) {
      const target = findPort(options.ports(), service);
      const { promise: outcome, resolve } = Promise.withResolvers<SealedOutcome>();
      const wire = sessionWire(peer, CHANNEL.output);
      let connections = 0;
      const trunk = new Trunk({
        role: "agent",
        stream: wire,
        clock: options.clock,
        timers: options.timers,
        events: {
          opened(stream) {
            connections += 1;
            return dial(options, target.port, stream);
          },
          message() {},
          goaway() {},
          closed: () => resolve({ result: { connections } }),
        },
      });
      const end = (): void => trunk.close("done", "the forward ended");
      return {
        facts: { name: target.name, port: target.port, service_type: target.type },
        outcome,
        input: (bytes) => trunk.wire.data(bytes),
        message: (message) => message.type === "input_end" && end(),
        drain: () => trunk.wire.drain(),
        left: end,
        revoke: end,
      };
    },
  };
}

/** Throws `not_found` for what this device has not registered: no other port is ever dialled. */
function findPort(ports: readonly RegisteredPort[], service: string | number): RegisteredPort {
  const found = ports.find((one) => one.name === service || one.port === service);
  if (found !== undefined) return found;
  const names = ports.map((one) => `${one.name} (${one.port})`).join(", ");
  throw new MusterError(
    "not_found",
    `there is no registered ${typeof service === "number" ? "port" : "service"} ${service} on that device`,
    {
      hint: names === "" ? "name one there under [services] in muster.toml" : `it has ${names}`,
    },
  );
}

function dial({ network }: ForwardsOptions, port: number, stream: TrunkStream): TrunkStreamEvents {
  const pump = createPump();
  pump.left.attach(stream);
  const dialHost = (host: string): Promise<unknown> =>
    network.connect({
      address: { host, port },
      timeoutMs: DIAL_TIMEOUT_MS,
      connected(socket) {
        pump.right.attach(socket);
        return pump.right;
      },
    });
  dialHost("127.0.0.1")
    // Services bind one or the other; the first one's reason counts.
    .catch((error: unknown) => {
      if (systemCode(error) !== "ECONNREFUSED") throw error;
      return dialHost("::1").catch(() => {
        throw error;
      });
    })
    .catch((error: unknown) => {
      pump.right.close(error instanceof Error ? error : undefined);
    });
  return {
    data: (bytes) => pump.left.data(bytes),
    drain: () => pump.left.drain(),
    end: () => pump.left.end(),
    close: (error) => pump.left.close(error),
  };
}
