import { expect, test } from "bun:test";
import { Ticker } from "../http1/ticker.ts";
import { utf8 } from "../protocol/bytes.ts";
import { DEVICE_TARGET, encodeOpen } from "../protocol/open.ts";
import type { ShareState } from "../protocol/views.ts";
import {
  openFor,
  pageShare,
  readTold,
  requestText,
  startGateway,
  Visitor,
  type Told,
} from "./gateway/gateway.fixture.ts";
import { openShareStream } from "./streams.ts";
import { rejection, tempHome } from "./testing.ts";

async function ask(state: ShareState | undefined, payload = encodeOpen(openFor()), text = requestText({})) {
  await using home = await tempHome();
  await Bun.write(home.file("index.html"), "the page");
  const test = startGateway();
  const share = state === undefined ? undefined : pageShare(home.path);
  const visitor = new Visitor();
  const options = {
    clock: test.time,
    ticker: new Ticker({ clock: test.time, timers: test.time }),
    gateway: test.gateway,
    shares: { target: () => share, state: () => state },
  };
  visitor.begin(openShareStream(options, visitor, payload));
  visitor.send(text);
  await visitor.over();
  return readTold(visitor);
}

test("a request for a share goes to the gateway", async () => {
  const told = await ask("running");
  expect(told.status).toBe(200);
  expect(told.body.toString()).toBe("the page");
});

test("a stopped share says so, and nothing of it is shown", async () => {
  const told: Told = await ask("stopped");
  expect(told.status).toBe(503);
  expect(told.body.toString()).toContain("has stopped it");
  expect(told.body.toString()).not.toContain("the page");
  expect(told.fin).toMatchObject({ status: 503 });
});

test("what is malformed is refused for a stopped share too", async () => {
  const told = await ask("stopped", encodeOpen(openFor()), "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  expect(told.status).toBe(400);
});

test("a share that is not there is not found", async () => {
  expect((await ask(undefined)).status).toBe(404);
});

test("a stream that was opened for nothing known is an error of the hub", async () => {
  expect(await rejection(ask("running", utf8("s1\nnonsense")))).toMatchObject({ code: "protocol_error" });
});

test("the device answers for its own health, whatever it shares", async () => {
  const told = await ask(undefined, encodeOpen({ ...openFor(), target: DEVICE_TARGET }));
  expect(told.status).toBe(200);
  expect(JSON.parse(told.body.toString())).toEqual({ status: "healthy" });
});
