// HTTP in full over the whole way: visitor, hub, trunk, agent, app, and the bytes back.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { app, pairs, type Echo } from "./app.ts";
import { type Home, hubWithDevice, memoryOf, type Running } from "./harness.ts";
import { within } from "./until.ts";
import { ask, field, text, Wire, type Answer } from "./wire.ts";

const MIB = 1024 * 1024;

let owner: Home;
let device: Home;
let hub: Running;
let agent: Running;
let url: string;
let host: string;
let port: number;
/** A page of the same device, at another host name of the same hub. */
let page: string;

beforeAll(async () => {
  ({ owner, device, hub, agent, port } = await hubWithDevice("far"));
  const { port: appPort } = await app(device);
  url = (await device.add(String(appPort), "--public", "--name", "app")).url;
  device.write("page/index.html", "a page");
  page = (await device.add("page", "--public")).url;
  host = new URL(url).host;
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

const echoOf = (answer: Answer) => JSON.parse(text(answer)) as Echo;

describe("requests", () => {
  test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "PROPFIND", "MKCOL", "REPORT"])(
    "%s reaches the app with target, fields and body unchanged",
    async (method) => {
      const body = method === "GET" ? undefined : "a body\r\nof two lines";
      const answer = await ask(`${url}echo/%2F%20x?a=b&c`, {
        method,
        headers: { "x-one": "1", accept: "text/x-test" },
        ...(body === undefined ? {} : { body }),
      });
      const echo = echoOf(answer);
      expect(echo).toMatchObject({
        method,
        url: "/echo/%2F%20x?a=b&c",
        httpVersion: "1.1",
        body: body ?? "",
      });
      expect(pairs(echo.rawHeaders)).toContainEqual(["x-one", "1"]);
      expect(pairs(echo.rawHeaders)).toContainEqual(["host", host]);
    },
  );

  test("HEAD has the fields of GET and no body, and the connection goes on", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `HEAD /part HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /part HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    const head = await wire.answer({ method: "HEAD" });
    expect([head.status, field(head, "content-length")]).toEqual([200, "10"]);
    expect(text(await wire.answer())).toBe("0123456789");
  });

  test("repeated fields keep their order, in both directions", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(`GET /echo HTTP/1.1\r\nHost: ${host}\r\nX-A: 1\r\nX-B: 2\r\nX-A: 3\r\n\r\n`);
    const echo = echoOf(await wire.answer());
    const sent = pairs(echo.rawHeaders).filter(([name]) => name.startsWith("x-a") || name === "x-b");
    expect(sent).toEqual([
      ["x-a", "1"],
      ["x-b", "2"],
      ["x-a", "3"],
    ]);
    const cookies = await ask(`${url}cookies`);
    expect(cookies.fields.get("set-cookie")).toEqual(["a=1; Path=/", "b=2; HttpOnly"]);
  });

  test("a Range goes to the app and its 206 comes back", async () => {
    const part = await ask(`${url}part`, { headers: { range: "bytes=3-5" } });
    expect([part.status, text(part), field(part, "content-range")]).toEqual([206, "345", "bytes 3-5/10"]);
  });

  test("large heads pass: 60 fields and 24 KiB", async () => {
    const headers = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`x-large-${at}`, "v".repeat(200)]),
    );
    // node's own limit is 16 KiB, so the rest stands in the target of a page.
    const answer = await ask(`${url}echo`, { headers });
    expect(pairs(echoOf(answer).rawHeaders).filter(([name]) => name.startsWith("x-large"))).toHaveLength(60);
    expect((await ask(page, { headers: { cookie: `a=${"x".repeat(24 * 1024)}` } })).status).toBe(200);
  });
});

describe("connections", () => {
  test("one connection serves hosts in turn, each request going where its own Host says", async () => {
    await using wire = await Wire.connect(port);
    const pageHost = new URL(page).host;
    for (const [to, expected] of [
      [host, "0123456789"],
      [pageHost, "a page"],
      [host, "0123456789"],
    ] as const) {
      const target = to === host ? "/part" : "/";
      await wire.write(`GET ${target} HTTP/1.1\r\nHost: ${to}\r\n\r\n`);
      expect(text(await wire.answer())).toBe(expected);
    }
    await wire.write(`GET /part HTTP/1.1\r\nHost: nobody.localhost:${port}\r\n\r\n`);
    expect((await wire.answer()).status).toBe(404);
    await wire.write(`GET /health HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    expect((await wire.answer()).status).toBe(200);
  });

  test("pipelined requests are answered in their order", async () => {
    await using wire = await Wire.connect(port);
    const one = (number: number) => `GET /echo?${number} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    await wire.write(Array.from({ length: 20 }, (_, number) => one(number)).join(""));
    for (let number = 0; number < 20; number++)
      expect(echoOf(await wire.answer()).url).toBe(`/echo?${number}`);
  });

  test("a request sent byte by byte is one request", async () => {
    await using wire = await Wire.connect(port);
    for (const byte of `POST /echo HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\n\r\nabc`)
      await wire.write(byte);
    expect(echoOf(await wire.answer()).body).toBe("abc");
  });

  test("HTTP/1.0 is answered without chunks and closed", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(`GET /download?bytes=100000&chunked HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
    const answer = await wire.answer();
    expect(answer.fields.has("transfer-encoding")).toBe(false);
    expect(answer.length).toBe(100_000);
  });

  test("Connection: close is said and done", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(`GET /part HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const answer = await wire.answer();
    expect(field(answer, "connection")).toBe("close");
    expect(await wire.some()).toBeUndefined();
  });

  test("hop-by-hop fields, and those that Connection names, stay on their hop", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `GET /echo HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\nX-Yours: 2\r\n\r\n`,
    );
    const names = pairs(echoOf(await wire.answer()).rawHeaders).map(([name]) => name);
    expect(names).toContain("x-yours");
    for (const name of ["x-mine", "keep-alive", "proxy-authorization"]) expect(names).not.toContain(name);
  });

  test("200 visitors at once, each gets its own answer", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, number) => {
        const answer = await ask(`${url}echo?${number}`, { method: "POST", body: `body ${number}` });
        return echoOf(answer);
      }),
    );
    for (const [number, echo] of answers.entries()) {
      expect([echo.url, echo.body]).toEqual([`/echo?${number}`, `body ${number}`]);
    }
  });

  test("1,000 requests in a row on one connection all succeed", async () => {
    await using wire = await Wire.connect(port);
    for (let number = 0; number < 1000; number++) {
      await wire.write(`GET /part HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const answer = await wire.answer();
      if (answer.status !== 200) throw new Error(`Request ${number} failed: ${answer.status}`);
    }
  });
});

describe("bodies", () => {
  test("chunks with extensions and trailers reach the app", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `POST /echo HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n` +
        `5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n`,
    );
    const echo = echoOf(await wire.answer());
    expect(echo.body).toBe("hello world");
    expect(pairs(echo.rawTrailers)).toEqual([["x-sum", "11"]]);
  });

  test("the app's trailers reach the visitor", async () => {
    const answer = await ask(`${url}trailers`, { headers: { te: "trailers" } });
    expect(text(answer)).toBe("one\ntwo\n");
    expect(Object.fromEntries(answer.trailers)).toEqual({ "x-sum": ["8"], "x-lines": ["2"] });
  });

  test("103 comes before the answer", async () => {
    const answer = await ask(`${url}early`);
    expect(answer.interim.map(({ status, fields }) => [status, fields.get("link")])).toEqual([
      [103, ["</style.css>; rel=preload; as=style"]],
    ]);
    expect(text(answer)).toBe("late");
  });

  test("who expects 100-continue is told to go on by the app, and only then sends", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `POST /echo HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`,
    );
    expect((await wire.head()).status).toBe(100);
    await wire.write("body");
    expect(echoOf(await wire.answer()).body).toBe("body");
  });

  test("an app that refuses a body before it came answers at once", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `POST /refuses-body HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\n\r\nsome of it`,
    );
    expect((await wire.answer()).status).toBe(413);
  });

  test("events pass one by one, each before the next is made", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
    expect(field(await wire.head(), "content-type")).toBe("text/event-stream");
    for (let number = 0; number < 5; number++) {
      expect((await wire.chunk())?.toString()).toBe(`data: ${number}\n\n`);
      await ask(`${url}events/next`);
    }
    await ask(`${url}events/end`);
    expect((await wire.chunk())?.toString()).toBe("data: 5\n\n");
    expect(await wire.chunk()).toBeUndefined();
  });

  test("300 MB up and down, whole and with flat memory at hub and agent", async () => {
    const pids = [hub, agent].map(({ process }) => process.pid ?? 0);
    const before = pids.map(memoryOf);
    const peaks = [...before];
    const look = () => {
      for (const [at, pid] of pids.entries()) peaks[at] = Math.max(peaks[at] ?? 0, memoryOf(pid));
    };
    const watch = setInterval(look, 20);
    const size = 300 * MIB;
    try {
      const down = await ask(`${url}download?bytes=${size}`, { sink: () => {} });
      expect(down.length).toBe(size);
      const chunked = await ask(`${url}download?bytes=${size / 4}&chunked`, { sink: () => {} });
      expect(chunked.length).toBe(size / 4);

      await using wire = await Wire.connect(port);
      await wire.write(`POST /upload HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${size}\r\n\r\n`);
      const piece = Buffer.alloc(MIB, "muster ");
      const hash = createHash("sha256");
      for (let sent = 0; sent < size; sent += MIB) {
        hash.update(piece);
        await wire.write(piece);
      }
      expect(JSON.parse(text(await wire.answer()))).toEqual({ length: size, sha256: hash.digest("hex") });
    } finally {
      clearInterval(watch);
    }
    // Far below the body, far above what windows and pools may hold.
    for (const [at, peak] of peaks.entries()) expect((peak - (before[at] ?? 0)) / MIB).toBeLessThan(120);
  }, 60_000);

  test("a reader that stops does not stop others, nor fill the memory", async () => {
    const pid = hub.process.pid ?? 0;
    const before = memoryOf(pid);
    const stalled = await Promise.all(Array.from({ length: 50 }, () => Wire.connect(port)));
    try {
      for (const wire of stalled) {
        wire.socket.pause();
        await wire.write(`GET /download?bytes=${50 * MIB} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      }
      for (let number = 0; number < 20; number++) {
        expect((await within(2_000, "an answer beside stalled readers", ask(`${url}part`))).status).toBe(200);
      }
      expect((memoryOf(pid) - before) / MIB).toBeLessThan(130);
    } finally {
      for (const wire of stalled) wire.socket.destroy();
    }
  });
});

describe("upgrades", () => {
  test("a WebSocket keeps its query and its sub-protocol, and echoes text, binary and large messages", async () => {
    const socket = new WebSocket(`ws://${host}/socket?room=1&x=%20`, ["first.v1", "second.v1"]);
    socket.binaryType = "arraybuffer";
    const received: (string | ArrayBuffer)[] = [];
    let wake = () => {};
    socket.addEventListener("message", ({ data }) => {
      received.push(data as string | ArrayBuffer);
      wake();
    });
    const next = async () => {
      while (received.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return received.shift();
    };
    try {
      const greeting = await within(5_000, "the greeting", next());
      expect(JSON.parse(greeting as string)).toEqual({
        url: "/socket?room=1&x=%20",
        protocols: ["first.v1", "second.v1"],
      });
      expect(socket.protocol).toBe("second.v1");
      socket.send("hello");
      expect(await within(5_000, "text", next())).toBe("hello");
      socket.send(new Uint8Array([0, 1, 255]));
      expect(new Uint8Array((await within(5_000, "bytes", next())) as ArrayBuffer)).toEqual(
        new Uint8Array([0, 1, 255]),
      );
      const large = "x".repeat(300_000);
      socket.send(large);
      expect(await within(10_000, "a large message", next())).toBe(large);
      const closed = new Promise<number>((resolve) => {
        socket.addEventListener("close", ({ code }) => resolve(code));
      });
      socket.close(4001, "done");
      expect(await within(5_000, "the close", closed)).toBe(4001);
    } finally {
      socket.close();
    }
  });

  test("after 101 the stream is raw in both directions, early bytes included, with half-close", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `GET /raw HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: raw-echo\r\n\r\nearly `,
    );
    const answer = await wire.answer();
    expect([answer.status, field(answer, "upgrade")]).toEqual([101, "raw-echo"]);
    await wire.write("bytes, GET / HTTP/1.1\r\n\r\n");
    const expected = "early bytes, GET / HTTP/1.1\r\n\r\n";
    expect((await wire.exactly(expected.length)).toString()).toBe(expected);
    wire.socket.end("the last of it");
    expect((await wire.rest()).toString()).toBe("the last of it");
  });

  test("an app that does not upgrade answers as always", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `GET /part HTTP/1.1\r\nHost: ${new URL(page).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    expect((await wire.answer()).status).not.toBe(101);
  });

  test("h2c is not spoken: the request is served as HTTP/1.1", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `GET /echo HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    );
    const answer = await wire.answer();
    expect(answer.status).toBe(200);
    const names = pairs(echoOf(answer).rawHeaders).map(([name]) => name);
    expect(names).not.toContain("upgrade");
    expect(names).not.toContain("http2-settings");
  });
});
