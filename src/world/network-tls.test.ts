import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { Authority, hasOpenssl } from "./certificates.fixture.ts";
import { realNetwork } from "./network.ts";
import type { ByteStreamEvents, ConnectOptions, Socket, Tunnel } from "./world.ts";

const quiet: ByteStreamEvents = { data() {}, drain() {}, end() {}, close() {} };
const HOST = "127.0.0.1";
const authority = hasOpenssl ? new Authority() : undefined;
afterAll(() => authority?.[Symbol.dispose]());

/** Skipped, and said so, where there is no openssl. */
const tlsTest = test.skipIf(!hasOpenssl);

function certificates(): Authority {
  if (authority === undefined) throw new Error("no openssl");
  return authority;
}

const ca = () => readFileSync(certificates().ca, "utf8");
const asHub = () => ({ serverName: "hub.test", ca: ca() });

/** A server that sends its own channel binding, in hex, to whoever said something, and then echoes. */
async function bindingServer(files: { cert: string; key: string }) {
  return await realNetwork.listen({
    address: { host: HOST, port: 0 },
    tls: files,
    connection: (socket) => ({
      ...quiet,
      data: () => void socket.write(new TextEncoder().encode(hex(socket.channelBinding()))),
      end: () => socket.shutdown(),
    }),
  });
}

/** Says something and resolves with what the far end answered and this end's own binding. */
async function talk(
  options: Omit<ConnectOptions, "timeoutMs" | "connected">,
): Promise<{ far: string; own: string }> {
  return await new Promise((resolve, reject) => {
    let own = "";
    realNetwork
      .connect({
        ...options,
        timeoutMs: 2000,
        connected(socket) {
          own = hex(socket.channelBinding());
          socket.write(new TextEncoder().encode("hello"));
          return {
            ...quiet,
            data(bytes) {
              resolve({ far: new TextDecoder().decode(bytes), own });
              socket.close();
            },
          };
        },
      })
      .catch(reject);
  });
}

tlsTest(
  "both ends of a TLS connection have the same channel binding, and no other connection has it",
  async () => {
    const server = await bindingServer(certificates().issue("a", ["hub.test"]));
    const address = { host: HOST, port: server.port };
    const first = await talk({ address, tls: asHub() });
    const second = await talk({ address, tls: asHub() });
    server.close();
    expect(first.far).toBe(first.own);
    expect(first.far).toHaveLength(64);
    expect(second.far).toBe(second.own);
    expect(second.far).not.toBe(first.far);
  },
);

tlsTest("a certificate of an unknown authority, or for another name, is refused", async () => {
  const server = await bindingServer(certificates().issue("b", ["other.test"]));
  const address = { host: HOST, port: server.port };
  const failed = async (tls: ConnectOptions["tls"]) =>
    await talk({ address, ...(tls === undefined ? {} : { tls }) }).then(
      () => "accepted",
      (error: unknown) => (error instanceof Error ? "refused" : "?"),
    );
  const verdicts = [await failed({ serverName: "other.test" }), await failed(asHub())];
  server.close();
  expect(verdicts).toEqual(["refused", "refused"]);
});

tlsTest("whoever asks for no proof of the name gets a connection all the same, and its binding", async () => {
  const server = await bindingServer(certificates().issue("c", ["other.test"]));
  const tls = { serverName: "localhost", rejectUnauthorized: false };
  const { far, own } = await talk({ address: { host: HOST, port: server.port }, tls });
  server.close();
  expect(far).toBe(own);
});

tlsTest("a renewed certificate is what new connections get; open ones go on", async () => {
  const old = certificates().issue("old", ["hub.test"]);
  const server = await bindingServer(old);
  const address = { host: HOST, port: server.port };
  const heard: string[] = [];
  let open: Socket | undefined;
  await realNetwork.connect({
    address,
    tls: asHub(),
    timeoutMs: 2000,
    connected(socket) {
      open = socket;
      return { ...quiet, data: (bytes) => void heard.push(new TextDecoder().decode(bytes)) };
    },
  });
  // From now on it is valid for another name alone.
  server.renew?.(certificates().issue("new", ["renewed.test"]));
  const renewed = await talk({ address, tls: { serverName: "renewed.test", ca: ca() } });
  expect(renewed.far).toBe(renewed.own);
  expect(await talk({ address, tls: asHub() }).catch(() => "refused")).toBe("refused");
  const answered = new Promise<void>((resolve) => {
    const look = setInterval(() => heard.length > 0 && (clearInterval(look), resolve()), 5);
  });
  open?.write(new TextEncoder().encode("still there"));
  await answered;
  open?.close();
  server.close();
});

tlsTest("files that do not fit each other are refused by name, and what is served stays", async () => {
  const own = certificates();
  const [one, two] = [own.issue("one", ["hub.test"]), own.issue("two", ["hub.test"])];
  const wrong = (files: { cert: string; key: string }) =>
    realNetwork.listen({ address: { host: HOST, port: 0 }, tls: files, connection: () => quiet }).then(
      () => "accepted",
      (error: unknown) => (error instanceof Error ? error.message : "?"),
    );
  expect(await wrong({ cert: one.cert, key: two.key })).toContain("is not that of the certificate");
  expect(await wrong({ cert: `${one.cert}.missing`, key: one.key })).toContain("cannot read the certificate");
  writeFileSync(`${own.folder}/empty.pem`, "");
  expect(await wrong({ cert: `${own.folder}/empty.pem`, key: one.key })).toContain("no certificate and key");
  const server = await bindingServer(one);
  expect(() => server.renew?.({ cert: one.cert, key: two.key })).toThrow("is not that of");
  const { far } = await talk({ address: { host: HOST, port: server.port }, tls: asHub() });
  server.close();
  expect(far).toHaveLength(64);
});

/** What stands in between: takes one line, answers, and passes on. */
async function middle(port: number, answer: string) {
  return await realNetwork.listen({
    address: { host: HOST, port: 0 },
    connection(client) {
      let far: Socket | undefined;
      let asked = false;
      return {
        ...quiet,
        data(bytes) {
          if (asked) return void far?.write(bytes);
          asked = true;
          void realNetwork.connect({
            address: { host: HOST, port },
            timeoutMs: 2000,
            connected(socket) {
              far = socket;
              client.write(new TextEncoder().encode(answer));
              return {
                ...quiet,
                data: (back) => void client.write(back),
                end: () => client.shutdown(),
                close: () => client.close(),
              };
            },
          });
        },
        end: () => far?.shutdown(),
        close: () => far?.close(),
      };
    },
  });
}

const OPENED = "opened\n";
const tunnel: Tunnel = {
  request: new TextEncoder().encode("open\n"),
  read(answer) {
    const text = new TextDecoder().decode(answer);
    if (text.startsWith("no")) throw new Error("the proxy said no");
    return text.includes("\n") ? text.indexOf("\n") + 1 : 0;
  },
};

tlsTest("TLS inside a tunnel is bound end to end", async () => {
  const server = await bindingServer(certificates().issue("t", ["hub.test"]));
  const proxy = await middle(server.port, OPENED);
  const { far, own } = await talk({ address: { host: HOST, port: proxy.port }, tunnel, tls: asHub() });
  proxy.close();
  server.close();
  expect(far).toBe(own);
  expect(far).toHaveLength(64);
});

tlsTest("bytes that come out of a tunnel before TLS are refused", async () => {
  const server = await bindingServer(certificates().issue("u", ["hub.test"]));
  const proxy = await middle(server.port, `${OPENED}forged`);
  const result = talk({ address: { host: HOST, port: proxy.port }, tunnel, tls: asHub() });
  expect(await result.catch((error: unknown) => String(error))).toContain("before TLS");
  proxy.close();
  server.close();
});

test("a tunnel that is refused, or never answered, or closed, is no connection", async () => {
  const refusing = await middle(
    (await realNetwork.listen({ address: { host: HOST, port: 0 }, connection: () => quiet })).port,
    "no\n",
  );
  const silent = await realNetwork.listen({ address: { host: HOST, port: 0 }, connection: () => quiet });
  const closing = await realNetwork.listen({
    address: { host: HOST, port: 0 },
    connection: (socket) => ({ ...quiet, data: () => socket.shutdown() }),
  });
  const attempt = async (port: number) =>
    await realNetwork
      .connect({ address: { host: HOST, port }, tunnel, timeoutMs: 100, connected: () => quiet })
      .then(
        () => "connected",
        (error: unknown) => (error instanceof Error ? error.message : "?"),
      );
  expect(await attempt(refusing.port)).toBe("the proxy said no");
  expect(await attempt(silent.port)).toBe("no connection in time");
  expect(await attempt(closing.port)).toBe("the proxy closed the connection");
});

tlsTest("eight megabytes come back whole through TLS in a tunnel, held back by a slow reader", async () => {
  const SIZE = 8 * 1024 * 1024;
  const server = await realNetwork.listen({
    address: { host: HOST, port: 0 },
    tls: certificates().issue("bulk", ["hub.test"]),
    connection(socket) {
      const held: Uint8Array[] = [];
      const flush = () => {
        for (let first = held[0]; first !== undefined; first = held[0]) {
          const taken = socket.write(first);
          if (taken < first.length) {
            held[0] = first.slice(Math.max(taken, 0));
            return;
          }
          held.shift();
        }
      };
      return {
        ...quiet,
        data(bytes) {
          held.push(bytes.slice());
          flush();
        },
        drain: flush,
        end: () => socket.shutdown(),
      };
    },
  });
  const proxy = await realNetwork.listen({
    address: { host: HOST, port: 0 },
    connection: pumpTo(server.port),
  });
  const sum = await new Promise<number>((resolve, reject) => {
    let sent = 0;
    let received = 0;
    realNetwork
      .connect({
        address: { host: HOST, port: proxy.port },
        tunnel,
        tls: asHub(),
        timeoutMs: 2000,
        connected(socket) {
          const piece = new Uint8Array(256 * 1024).fill(7);
          const send = () => {
            while (sent < SIZE) {
              const taken = socket.write(piece.subarray(0, Math.min(piece.length, SIZE - sent)));
              sent += Math.max(taken, 0);
              if (taken < piece.length) return;
            }
          };
          send();
          return {
            ...quiet,
            drain: send,
            data(bytes) {
              received += bytes.length;
              socket.pause();
              setImmediate(() => socket.resume());
              if (received >= SIZE) {
                resolve(received);
                socket.close();
              }
            },
            close: () => reject(new Error(`closed after ${received}`)),
          };
        },
      })
      .catch(reject);
  });
  proxy.close();
  server.close();
  expect(sum).toBe(SIZE);
});

/** A tunnel's middle that keeps what a slow side does not take. */
function pumpTo(port: number): (client: Socket) => ByteStreamEvents {
  return (client) => {
    const up: Uint8Array[] = [];
    const down: Uint8Array[] = [];
    let far: Socket | undefined;
    let asked = false;
    const flush = (socket: Socket | undefined, held: Uint8Array[]) => {
      if (socket === undefined) return;
      for (let first = held[0]; first !== undefined; first = held[0]) {
        const taken = socket.write(first);
        if (taken < first.length) {
          held[0] = first.slice(Math.max(taken, 0));
          return;
        }
        held.shift();
      }
    };
    return {
      ...quiet,
      data(bytes) {
        if (asked) {
          up.push(bytes.slice());
          return flush(far, up);
        }
        asked = true;
        void realNetwork.connect({
          address: { host: HOST, port },
          timeoutMs: 2000,
          connected(socket) {
            far = socket;
            client.write(new TextEncoder().encode(OPENED));
            return {
              data(back) {
                down.push(back.slice());
                flush(client, down);
              },
              drain: () => flush(far, up),
              end: () => client.shutdown(),
              close: () => client.close(),
            };
          },
        });
      },
      drain: () => flush(client, down),
      end: () => far?.shutdown(),
      close: () => far?.close(),
    };
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

tlsTest(
  "a far machine that takes the connection may take longer to say something than one that does not",
  async () => {
    const silent = await realNetwork.listen({ address: { host: HOST, port: 0 }, connection: () => quiet });
    const began = performance.now();
    const refused = await realNetwork
      .connect({
        address: { host: HOST, port: silent.port },
        tls: asHub(),
        reachTimeoutMs: 30,
        timeoutMs: 300,
        connected: () => quiet,
      })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "ETIMEDOUT" });
    expect(performance.now() - began).toBeGreaterThan(290);
    silent.close();
  },
);
