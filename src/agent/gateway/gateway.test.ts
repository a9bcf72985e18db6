import { expect, test } from "bun:test";
import { decodeFin } from "../../protocol/fin.ts";
import { decodeOpen, encodeOpen, RAW_FLAG } from "../../protocol/open.ts";
import {
  bytesOf,
  joinTrunks,
  openStream,
  StreamLog,
  textOf,
  type TrunkPair,
} from "../../trunk/testing-trunks.ts";
import { answersWith, rawApp } from "./app.fixture.ts";
import { appShare, openFor, requestText, startGateway } from "./gateway.fixture.ts";

/** The agent's end of a trunk serves the share of this app. */
function overTrunk(port: number): TrunkPair {
  const test1 = startGateway();
  const pair = joinTrunks({ latencyMs: 1, capacityBytes: 256 * 1024 });
  pair.agent.log.accept = (stream) => {
    const open = decodeOpen(bytesOf(pair.agent.log.streams.at(-1)?.payload ?? ""));
    if (open === undefined) throw new Error("the payload of OPEN did not arrive");
    return test1.gateway.openStream(stream, open, appShare(port));
  };
  return pair;
}

function ask(pair: TrunkPair, head: string) {
  const opened = openStream(pair.hub, textOf(encodeOpen(openFor())));
  opened.stream.write(bytesOf(head));
  return opened;
}

/** Real sockets take real time, the trunk's own does not pass by itself. */
async function until(pair: TrunkPair, holds: () => boolean): Promise<void> {
  while (!holds()) {
    pair.time.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const finOf = (log: StreamLog) =>
  decodeFin(bytesOf(log.told.find((each) => each.startsWith("end"))?.slice(4) ?? ""));

test("a request goes through a trunk and back, and its stream is gone once both sides have ended", async () => {
  await using app = await rawApp(answersWith("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  const pair = overTrunk(app.port);
  const { stream, log } = ask(pair, requestText({}));
  await until(pair, () => finOf(log) !== undefined);
  expect(log.text).toEndWith("Connection: keep-alive\r\n\r\nok");
  expect(finOf(log)).toMatchObject({ status: 200, length: 2, close: false });
  stream.shutdown();
  await until(pair, () => pair.agent.log.told.includes("emptied"));
});

test("a megabyte each way keeps its bytes through windows and slow readers", async () => {
  const size = 1024 * 1024;
  let got = 0;
  await using app = await rawApp((connection) => {
    got = connection.text.length - connection.text.indexOf("\r\n\r\n") - 4;
    if (got < size) return;
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const body = Buffer.alloc(size, "b");
    let sent = 0;
    const pour = () => {
      sent += Math.max(0, connection.socket.write(body.subarray(sent)));
      if (sent < size) setImmediate(pour);
    };
    pour();
  });
  const pair = overTrunk(app.port);
  const { stream, log } = ask(pair, requestText({ method: "PUT", headers: { "Content-Length": `${size}` } }));
  let rest: Uint8Array = Buffer.alloc(size, "a");
  const pour = () => {
    rest = rest.subarray(Math.max(0, stream.write(rest)));
  };
  log.onEvent = (event) => {
    if (event === "drain") pour();
  };
  pour();
  await until(pair, () => finOf(log) !== undefined);
  expect(got).toBe(size);
  expect(finOf(log)).toMatchObject({ status: 200, length: size });
  expect(log.text.slice(-size)).toBe("b".repeat(size));
});

test("an upload that is refused early does not keep its stream", async () => {
  await using app = await rawApp((connection) => {
    connection.socket.pause();
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  });
  const pair = overTrunk(app.port);
  const { stream, log } = ask(
    pair,
    requestText({ method: "PUT", headers: { "Content-Length": "99999999" } }),
  );
  stream.write(new Uint8Array(60 * 1024));
  await until(pair, () => finOf(log) !== undefined);
  expect(finOf(log)).toMatchObject({ status: 413, close: true });
  stream.shutdown();
  await until(pair, () => pair.agent.log.told.includes("emptied"));
});

test("an upgrade flags the stream before its 101, and ends with both sides", async () => {
  await using app = await rawApp();
  const pair = overTrunk(app.port);
  const { stream, log } = ask(
    pair,
    requestText({ headers: { Connection: "Upgrade", Upgrade: "websocket" } }),
  );
  let beforeFlag = -1;
  log.onEvent = (event) => {
    if (event.startsWith("flag")) beforeFlag = log.received.length;
  };
  await until(pair, () => app.connections[0]?.text.includes("\r\n\r\n") === true);
  app.connections[0]?.send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello");
  await until(pair, () => log.text.endsWith("hello"));
  expect(log.told).toEqual([`flag ${textOf(RAW_FLAG)}`]);
  expect(beforeFlag).toBe(0);
  stream.write(bytesOf("raw"));
  await until(pair, () => app.connections[0]?.text.endsWith("raw") === true);
  stream.shutdown();
  await until(pair, () => app.connections[0]?.ended === true);
  app.connections[0]?.socket.finish();
  await until(pair, () => pair.agent.log.told.includes("emptied"));
});

test("a response that breaks off resets the stream", async () => {
  await using app = await rawApp((connection) => {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").socket.finish();
  });
  const pair = overTrunk(app.port);
  const { log } = ask(pair, requestText({}));
  await until(pair, () => log.told.some((each) => each.startsWith("reset")));
  expect(finOf(log)).toBeUndefined();
});
