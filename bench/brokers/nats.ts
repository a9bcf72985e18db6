// nats-server as it comes: a publisher and a subscriber. Nothing is kept, nothing sealed.
import { freePort, reachable, type Stage } from "../stage.ts";
import { MESSAGE_BYTES, type BrokerPeer } from "./broker.ts";
import { TextLoad } from "./text-load.ts";
import { textSocket, type TextSocket } from "./text-socket.ts";

const BODY = "x".repeat(MESSAGE_BYTES);
const MESSAGE = "M".charCodeAt(0);
const PING = "P".charCodeAt(0);

export const nats: BrokerPeer = {
  name: "nats-server",
  programs: ["nats-server"],
  async start(stage) {
    const { port, pid } = await natsServer(stage);
    const load = new TextLoad();
    const pong = natsPublish("back", BODY);
    const receiver = await natsClient(port, { subject: "there", body: BODY }, (count) => {
      load.there.add(count);
      if (load.echoes) receiver.write(pong);
    });
    const sender = await natsClient(port, { subject: "back", body: BODY }, (count) => load.back.add(count));
    const one = natsPublish("there", BODY);
    return [
      {
        name: "nats-server",
        promises: "kept nowhere, not sealed, no TLS",
        hub: [pid],
        agent: [],
        ...load.from(sender, one),
        burstCount: 200_000,
      },
    ];
  },
};

export async function natsServer(stage: Stage): Promise<{ port: number; pid: number }> {
  const port = await freePort();
  const { pid } = stage.start(["nats-server", "-a", "127.0.0.1", "-p", String(port)]);
  await reachable(port);
  return { port, pid };
}

export function natsPublish(subject: string, body: string): string {
  return `PUB ${subject} ${body.length}\r\n${body}\r\n`;
}

/** Told of every message on a subject; all have a body of this one's length. Resolves once the subscription holds. */
export async function natsClient(
  port: number,
  { subject, body }: { subject: string; body: string },
  came: (count: number) => void,
): Promise<TextSocket> {
  const ready = Promise.withResolvers<void>();
  const messageLength = `MSG ${subject} 1 ${body.length}\r\n${body}\r\n`.length;
  const socket = await textSocket(
    port,
    (first) => (first === MESSAGE ? messageLength : "line"),
    (first, count) => {
      if (first === MESSAGE) return came(count);
      if (first !== PING) return;
      // The server's own PING, and its PONG to ours, begin alike; one answer too many does no harm.
      ready.resolve();
      socket.write("PONG\r\n");
    },
  );
  socket.write(`CONNECT {"verbose":false}\r\nSUB ${subject} 1\r\nPING\r\n`);
  await ready.promise;
  return socket;
}
