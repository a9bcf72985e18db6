// A hub as install.sh sees one: a program with its checksum, on loopback. The program is a shell script, which
// says its version and writes down what `init` was given. What goes wrong on the way is a function.
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { resolve } from "node:path";
import { once } from "node:events";

const SCRIPT = resolve(import.meta.dir, "../../src/hub/downloads/install.sh");

/** Records its words and its standard input beside itself. */
export function programOf(version: string): string {
  return `#!/bin/sh
case $1 in
  version) echo "muster ${version}" ;;
  init) printf '%s\\n' "$*" >"$0.words"; cat >"$0.typed" ;;
  service) printf '%s\\n' "$*" >"$0.service" ;;
  *) exit 2 ;;
esac
`;
}

export interface FakeHub extends AsyncDisposable {
  url: string;
  /** The script, with the address of this hub in front. */
  script: string;
  program: string;
  /** Paths, as they were asked for. */
  asked: string[];
  /** Instead of the whole answer; undefined leaves it as it is. */
  tamper: ((path: string, answer: string) => string | undefined) | undefined;
}

/** Answers byte by byte as it is told, and then hangs up: nothing tidies up what a test breaks. */
export async function fakeHub(
  program = programOf("1.0.0"),
  tls?: { cert: string; key: string },
): Promise<FakeHub> {
  const asked: string[] = [];
  const greet = (socket: Socket): void => {
    socket.on("error", () => {}); // a client that was cut goes as it likes
    let head = "";
    socket.on("data", (bytes) => {
      head += bytes.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const path = head.split(" ")[1] ?? "";
      head = "";
      asked.push(path);
      respond(socket, path);
    });
  };
  const server =
    tls === undefined
      ? createServer(greet)
      : createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, greet);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`;
  const static_ = await Bun.file(SCRIPT).text();
  const hub: FakeHub = {
    url,
    script: static_.replace("\n", `\nMUSTER_HUB_URL='${url}'\n`),
    program,
    asked,
    tamper: undefined,
    async [Symbol.asyncDispose]() {
      server.close();
      await new Promise<void>((done) =>
        connect(address.port, "127.0.0.1")
          .on("error", () => done())
          .on("connect", () => done()),
      );
    },
  };
  const respond = (socket: Socket, path: string): void => {
    const sha256 = new Bun.CryptoHasher("sha256").update(hub.program).digest("hex");
    const name = path.slice("/download/".length);
    const answer = name.endsWith(".sha256") ? ok(`${sha256}\n`) : ok(hub.program);
    socket.end(Buffer.from(hub.tamper?.(path, answer) ?? answer, "latin1"));
  };
  return hub;
}

export function ok(body: string): string {
  return answerOf("200 OK", body);
}

export function answerOf(status: string, body: string, fields = ""): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${fields}Connection: close\r\n\r\n${body}`;
}
