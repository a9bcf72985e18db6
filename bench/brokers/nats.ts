// nats-server as it comes: a publisher and a subscriber. Nothing is kept, nothing sealed.
import { freePort, reachable, type Stage } from "../stage.ts";
import { Arrivals, MESSAGE_BYTES, type BrokerPeer } from "./broker.ts";
import { repeated, textSocket, type TextSocket } from "./text-socket.ts";

const BODY = "x".repeat(MESSAGE_BYTES);
const MESSAGE = "M".charCodeAt(0);
const PING = "P".charCodeAt(0);
/** Pieces of a burst that are written at once. */
const AT_ONCE = 1_000;

export const nats: BrokerPeer = {
  name: "nats-server",
  programs: ["nats-server"],
  async start(stage) {
    const { port, pid } = await natsServer(stage);
    const there = new Arrivals();
    const back = new Arrivals();
    const pong = natsPublish("back", BODY);
    let echoes = false;
    const receiver = await natsClient(port, { subject: "there", body: BODY }, (count) => {
      there.add(count);
      if (echoes) receiver.write(pong);
    });
    const sender = await natsClient(port, { subject: "back", body: BODY }, (count) => back.add(count));
    const one = natsPublish("there", BODY);
    const many = repeated(one, AT_ONCE);
    return [
      {
        name: "nats-server",
        promises: "kept nowhere, not sealed, no TLS",
        hub: [pid],
        agent: [],
        async roundTrip() {
          echoes = true;
          const came = back.more(1);
          sender.write(one);
          await came;
        },
        async burst(count) {
          echoes = false;
          const came = there.more(count);
          for (let sent = 0; sent < count; sent += AT_ONCE) {
            sender.write(many);
            await sender.flushed();
          }
          await came;
        },
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
