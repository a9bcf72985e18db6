// What stands between devices and hubs in the world outside: proxies that open tunnels, and load balancers
// that end TLS and let through only what they know.
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { readFileSync } from "node:fs";

/** An address of this machine that is not loopback; undefined where it has none. */
export const OUTSIDE = outsideAddress();

function outsideAddress(): string | undefined {
  const all = Bun.spawnSync(["hostname", "-I"]).stdout.toString().trim().split(" ");
  return all.find((address) => /^\d+\.\d+\.\d+\.\d+$/.test(address));
}

export class Middle implements AsyncDisposable {
  readonly port: number;
  /** First lines of the requests that came by. */
  readonly asked: string[];
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  constructor(server: Server, asked: string[], sockets: Set<Socket>) {
    this.#server = server;
    this.asked = asked;
    this.#sockets = sockets;
    // A TCP server that listens has an address of this kind.
    this.port = (server.address() as AddressInfo).port;
  }

  /** Cuts every connection; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.cut();
    return Promise.resolve();
  }
}

/** A proxy that opens tunnels by CONNECT, for whom it knows if `credentials` ("user:password") are given. */
export async function connectProxy(credentials?: string): Promise<Middle> {
  const wanted = credentials === undefined ? undefined : `basic ${btoa(credentials)}`;
  return await middle((client, head) => {
    const [, host = "", port = "443"] = /^CONNECT (\S+):(\d+) HTTP\/1\.1\r\n/.exec(head.text) ?? [];
    const proof = /^proxy-authorization: *(.*)\r$/im.exec(head.text)?.[1];
    if (wanted !== undefined && proof?.toLowerCase() !== wanted.toLowerCase()) {
      client.end(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
      );
      return undefined;
    }
    const far = connect(Number(port), host.replace(/^\[|\]$/g, ""));
    far.once("connect", () => client.write("HTTP/1.1 200 Connection established\r\n\r\n"));
    return far;
  });
}

export interface BalancerOptions {
  /** Where the hub listens on loopback. */
  hub: number;
  tls: { cert: string; key: string };
  /** Whether upgrades but to WebSocket pass. */
  unknownUpgrades: "passed" | "stripped";
}

/** Ends TLS as a load balancer does: it says for whom it asks, and may strip what it does not know. */
export async function balancer({ hub, tls, unknownUpgrades }: BalancerOptions): Promise<Middle> {
  const files = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
  return await middle((client, head) => {
    const strip = unknownUpgrades === "stripped" && /^upgrade: *muster-trunk/im.test(head.text);
    const text = strip ? head.text.replace(/^(?:upgrade|connection):.*\r\n/gim, "") : head.text;
    const far = connect(hub, "127.0.0.1");
    const who = `X-Forwarded-For: ${client.remoteAddress?.replace("::ffff:", "")}\r\nX-Forwarded-Proto: https\r\n`;
    // One request per connection, so that every head passes here.
    const close = strip || !/^upgrade:/im.test(text) ? "Connection: close\r\n" : "";
    far.write(
      text.replace(/^connection: keep-alive\r\n/im, "").replace(/\r\n\r\n$/, `\r\n${who}${close}\r\n`),
      "latin1",
    );
    return far;
  }, files);
}

type Meet = (client: Socket, head: { text: string }) => Socket | undefined;

async function middle(meet: Meet, tls?: { cert: Buffer; key: Buffer }): Promise<Middle> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const take = (client: Socket) => {
    track(sockets, client);
    let early = Buffer.alloc(0);
    const read = (bytes: Buffer) => {
      early = Buffer.concat([early, bytes]);
      const end = early.indexOf("\r\n\r\n");
      if (end < 0) return;
      client.off("data", read);
      client.pause();
      const text = early.toString("latin1", 0, end + 4);
      asked.push(text.slice(0, text.indexOf("\r\n")));
      const far = meet(client, { text });
      if (far === undefined) return;
      track(sockets, far);
      if (early.length > end + 4) far.write(early.subarray(end + 4));
      client.pipe(far);
      far.pipe(client);
      far.on("close", () => client.destroy());
      client.on("close", () => far.destroy());
    };
    client.on("data", read);
  };
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  return new Middle(server, asked, sockets);
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => sockets.delete(socket));
}
