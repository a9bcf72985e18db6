import { expect, test } from "bun:test";
import { Secret } from "../identity/secret.ts";
import { isReconfigured, parseCloudflaredLine, readyConnections } from "./cloudflared-output.ts";
import {
  cloudflaredConfig,
  credentialsFile,
  NAMED_LINK_WARNING,
  readCredentialsFile,
} from "./cloudflared.ts";
import { OutputTail } from "./output-tail.ts";

const CREDENTIALS = {
  accountTag: "0a11ce00000000000000000000000001",
  tunnelId: "00000000-0000-4000-8000-000000000001",
  hostname: "pi.example.com",
  secret: new Secret(new Uint8Array(32).fill(9)),
};

test("the credentials file holds the three fields, and reads back", () => {
  const text = credentialsFile(CREDENTIALS).reveal();
  expect(JSON.parse(text)).toEqual({
    AccountTag: CREDENTIALS.accountTag,
    TunnelID: CREDENTIALS.tunnelId,
    TunnelSecret: Buffer.alloc(32, 9).toString("base64"),
  });
  const read = readCredentialsFile(text);
  expect(read.secret.reveal()).toEqual(CREDENTIALS.secret.reveal());
  expect(String(credentialsFile(CREDENTIALS))).toBe("‹secret›");
});

test("what a device says when it takes a named link names who can reach what through it", () => {
  expect(NAMED_LINK_WARNING).toMatch(/Cloudflare token .* any address or socket/);
});

test("a damaged credentials file is said to be so, and what it held isn't shown", () => {
  const good = credentialsFile(CREDENTIALS).reveal();
  for (const text of ["", "{", "[]", "null", good.slice(0, 50), good.replace("TunnelID", "Other"), "{}"]) {
    expect(() => readCredentialsFile(text)).toThrow("damaged");
  }
  const short = JSON.stringify({ AccountTag: "a", TunnelID: CREDENTIALS.tunnelId, TunnelSecret: "AAAA" });
  expect(() => readCredentialsFile(short)).toThrow("damaged");
});

test("a path with signs that mean something in YAML stays one string", () => {
  const socketPath = '/home/a: b/#c "d"/t.sock\n- service: ssh://localhost:22';
  const config = cloudflaredConfig({
    ...CREDENTIALS,
    hosts: "*.example.com",
    credentialsPath: "/x",
    socketPath,
  });
  expect(JSON.parse(config)).toMatchObject({
    ingress: [{ service: `unix:${socketPath}` }, { service: "http_status:404" }],
  });
});

const AT = "2026-08-12T14:30:53Z";

test("cloudflared's own lines are understood", () => {
  const lines: [string, unknown][] = [
    ["INF Starting metrics server on 127.0.0.1:20241/metrics", { type: "metrics", port: 20241 }],
    [
      "INF Registered tunnel connection connIndex=1 connection=8ed98e58-6b4f-4cfb-9a1b-fcf22f88ab0d event=0 ip=198.41.192.47 location=lax05 protocol=quic",
      { type: "registered", connection: 1, location: "lax05" },
    ],
    ["INF Unregistered tunnel connection connIndex=2 event=0", { type: "unregistered", connection: 2 }],
    ["ERR Connection terminated connIndex=0", { type: "unregistered", connection: 0 }],
    ['INF Updated to new configuration config="{\\"ingress\\":[]}" version=1', { type: "reconfigured" }],
    ['ERR Failed to update ingress config="{}" version=2', { type: "reconfigured" }],
    [
      'ERR Register tunnel error from server side error="Unauthorized: Invalid tunnel secret" connIndex=0',
      { type: "refused", reason: "Unauthorized: Invalid tunnel secret" },
    ],
    ["INF Initial protocol quic", undefined],
  ];
  for (const [line, event] of lines) expect(parseCloudflaredLine(`${AT} ${line}`)).toEqual(event as never);
});

test("the same words anywhere else in a line mean nothing", () => {
  const lines = [
    "Updated to new configuration",
    `${AT} ERR error="x" dest=https://pi.example.com/INF Updated to new configuration`,
    `${AT} ERR  error="INF Updated to new configuration" originService=unix:/s`,
    `GET /${AT} INF Updated to new configuration`,
    `${AT} INF Starting metrics server on 203.0.113.9:80/metrics`,
    `${AT} ERR Starting metrics server on 127.0.0.1:80/metrics`,
    `${AT} WRN x Registered tunnel connection connIndex=0 location=aaa`,
    "\u0000\u001b[31m",
    "",
  ];
  for (const line of lines) expect(parseCloudflaredLine(line)).toBeUndefined();
});

test("readiness and remote configuration are told by status and number alone", () => {
  expect(readyConnections(200, '{"status":200,"readyConnections":4}')).toBe(4);
  expect(readyConnections(503, '{"status":503,"readyConnections":4}')).toBe(0);
  for (const body of ["", "<html>", '{"readyConnections":"4"}', '{"readyConnections":-1}', "[]"]) {
    expect(readyConnections(200, body)).toBe(0);
  }
  expect(isReconfigured(200, '{"version":-1,"config":{}}')).toBe(false);
  expect(isReconfigured(200, '{"version":0,"config":{}}')).toBe(true);
  expect(isReconfigured(200, "<html>")).toBeUndefined();
  expect(isReconfigured(404, '{"version":3}')).toBeUndefined();
});

test("output is followed in whole lines, however it comes, and kept small on disk", async () => {
  let content = Buffer.alloc(0);
  const write = (text: string) => {
    content = Buffer.concat([content, Buffer.from(text)]);
  };
  const info = () => ({ kind: "file" as const, size: content.length, modifiedAt: 0, mode: 0o600, inode: 1 });
  const tail = new OutputTail(
    {
      info: () => Promise.resolve(info()),
      open: () =>
        Promise.resolve({
          info: info(),
          realPath: "",
          read: (at, length) => Promise.resolve(new Uint8Array(content.subarray(at, at + length))),
          close: () => Promise.resolve(),
        }),
      empty() {
        content = Buffer.alloc(0);
        return Promise.resolve();
      },
    },
    "/log",
  );
  write("one\r\ntw");
  expect(await tail.look()).toEqual(["one"]);
  expect(await tail.look()).toEqual([]);
  write("o\n");
  expect(await tail.look()).toEqual(["two"]);
  write(`${"x".repeat(2 * 1024 * 1024)}\nafter\n`);
  const lines = [...(await tail.look()), ...(await tail.look())];
  expect(lines.map((line) => line.length)).toEqual([expect.any(Number), 5]);
  expect(lines[0]?.length).toBe(8 * 1024);
  expect(content.length).toBe(0);
  write("again\n");
  expect(await tail.look()).toEqual(["again"]);
});
