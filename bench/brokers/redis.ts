// redis-server twice: its PUBLISH, which keeps nothing, and a list with every write synced, which is the nearest to
// what a hub does with a message.
import { freePort, reachable, type Stage } from "../stage.ts";
import { MESSAGE_BYTES, type Broker, type BrokerPeer } from "./broker.ts";
import { TextLoad } from "./text-load.ts";
import { textSocket, type TextSocket } from "./text-socket.ts";

const BODY = "x".repeat(MESSAGE_BYTES);
const ARRAY = "*".charCodeAt(0);

export const redis: BrokerPeer = {
  name: "redis-server",
  programs: ["redis-server"],
  start: async (stage) => [await publishing(stage), await keeping(stage)],
};

async function publishing(stage: Stage): Promise<Broker> {
  const { port, pid } = await server(stage, ["--save", "", "--appendonly", "no"]);
  const load = new TextLoad();
  const toThere = command("PUBLISH", "there", BODY);
  const toBack = command("PUBLISH", "backs", BODY);
  const answerer = await client(port);
  await subscriber(port, "there", (count) => {
    load.there.add(count);
    if (load.echoes) answerer.write(toBack);
  });
  await subscriber(port, "backs", (count) => load.back.add(count));
  const sender = await client(port);
  return {
    name: "redis, PUBLISH",
    promises: "kept nowhere, not sealed, no TLS",
    hub: [pid],
    agent: [],
    ...load.from(sender, toThere),
    burstCount: 100_000,
  };
}

/** Each message is synced before its sender is answered; the reader blocks on the list and takes one at a time. */
async function keeping(stage: Stage): Promise<Broker> {
  const { port, pid } = await server(stage, ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
  const load = new TextLoad();
  const push = command("RPUSH", "there", BODY);
  const take = command("BLPOP", "there", "0");
  const takenLength = `*2\r\n$5\r\nthere\r\n$${MESSAGE_BYTES}\r\n${BODY}\r\n`.length;
  const answerer = await client(port);
  const answer = command("RPUSH", "backs", BODY);
  const reader = await textSocket(
    port,
    () => takenLength,
    (_, count) => {
      load.there.add(count);
      if (load.echoes) answerer.write(answer);
      reader.write(take.repeat(count));
    },
  );
  reader.write(take.repeat(64));
  const takeBack = command("BLPOP", "backs", "0");
  const backReader = await textSocket(
    port,
    () => takenLength,
    (_, count) => {
      load.back.add(count);
      backReader.write(takeBack.repeat(count));
    },
  );
  backReader.write(takeBack);
  const sender = await client(port);
  return {
    name: "redis, list, every write synced",
    promises: "on the server's disk, not sealed, no TLS",
    hub: [pid],
    agent: [],
    ...load.from(sender, push),
    burstCount: 10_000,
  };
}

async function server(stage: Stage, options: readonly string[]): Promise<{ port: number; pid: number }> {
  const port = await freePort();
  const folder = stage.makeFolder(`redis-${port}`);
  const usual = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
  const { pid } = stage.start(["redis-server", ...usual, ...options]);
  await reachable(port);
  return { port, pid };
}

/** Whose answers are numbers, which nobody looks at. */
function client(port: number): Promise<TextSocket> {
  return textSocket(
    port,
    () => "line",
    () => {},
  );
}

async function subscriber(port: number, channel: string, came: (count: number) => void): Promise<void> {
  const ready = Promise.withResolvers<void>();
  const messageLength = command("message", channel, BODY).length;
  const subscribedLength = command("subscribe", channel).length + ":1\r\n".length;
  let subscribed = false;
  const socket = await textSocket(
    port,
    (first) => (first !== ARRAY ? "line" : subscribed ? messageLength : subscribedLength),
    (_, count) => {
      if (subscribed) return came(count);
      subscribed = true;
      ready.resolve();
    },
  );
  socket.write(command("SUBSCRIBE", channel));
  await ready.promise;
}

function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}
