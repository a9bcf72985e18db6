// A hub that is asked to end (SIGTERM) cuts no request that is in flight, sends its devices away and is found
// again by them as soon as it serves.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { app, type App } from "./app.ts";
import { type Home, hubIn, hubWithDevice, type Running } from "./harness.ts";
import { until } from "./until.ts";
import { ask, text, Wire } from "./wire.ts";

const IN_FLIGHT = 20;
const BULK_BYTES = 48 * 1024 * 1024;

let owner: Home;
let device: Home;
let hub: Running;
let port: number;
let served: App;
let url: string;

beforeAll(async () => {
  ({ owner, device, hub, port } = await hubWithDevice("attic"));
  served = await app(device);
  url = (await device.add(String(served.port), "--public", "--name", "app")).url;
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

async function seen(path: string): Promise<number> {
  return Number(text(await ask(`http://127.0.0.1:${served.port}/seen?path=${path}`)));
}

async function nobodyListens(): Promise<void> {
  await until("a closed port", async () =>
    Wire.connect(port).then(
      (wire) => wire[Symbol.asyncDispose]().then(() => false),
      () => true,
    ),
  );
}

/** Resolves with the milliseconds from the first health answer to the device's session. */
async function serveAgain(): Promise<number> {
  hub = (await hubIn(owner, port)).hub;
  await until("the hub's health", async () => (await ask(`http://127.0.0.1:${port}/health`)).status === 200);
  const began = performance.now();
  await until("the device's session", async () => {
    const { devices } = (await owner.ok(["status"])) as { devices: { name: string; status: string }[] };
    return devices.some(({ name, status }) => name === "attic" && status === "online");
  });
  return performance.now() - began;
}

test("requests in flight are answered whole, and no new ones are taken", async () => {
  const before = await seen("/slowly");
  const answers = Array.from({ length: IN_FLIGHT }, () => ask(`${url}slowly`));
  await until("all of them at the app", async () => (await seen("/slowly")) === before + IN_FLIGHT);
  hub.signal("SIGTERM");
  await nobodyListens();
  await ask(`http://127.0.0.1:${served.port}/release`);
  for (const answer of await Promise.all(answers)) {
    expect(answer.status).toBe(200);
    expect(text(answer)).toBe("released");
  }
  expect(await hub.exited).toBe(0);
}, 20_000);

test("the device is back within two seconds of the hub serving again", async () => {
  expect(await serveAgain()).toBeLessThan(2000);
  expect((await ask(`${url}hello`)).status).toBe(200);
}, 20_000);

test("a download goes on to its end while the hub waits", async () => {
  let received = 0;
  let signalled = false;
  const answer = await ask(`${url}download?bytes=${BULK_BYTES}`, {
    sink: async (piece) => {
      received += piece.length;
      if (!signalled && received > BULK_BYTES / 8) {
        signalled = true;
        hub.signal("SIGTERM");
      }
      // A reader who is slower than the app, so that bytes wait everywhere on the way.
      if (signalled) await Bun.sleep(1);
    },
  });
  expect(answer.status).toBe(200);
  expect(answer.length).toBe(BULK_BYTES);
  expect(await hub.exited).toBe(0);
  await serveAgain();
}, 40_000);

test("visitors who come and go all the time see refused connections, and never half an answer", async () => {
  const outcomes: string[] = [];
  const state = { over: false };
  const visitor = async () => {
    while (!state.over) {
      const outcome = await ask(`${url}hello`).then(
        ({ status }) => String(status),
        (error: unknown) => String(error),
      );
      outcomes.push(outcome);
    }
  };
  const visitors = [visitor(), visitor(), visitor(), visitor()];
  await until("some answers", () => outcomes.filter((each) => each === "200").length > 20);
  hub.signal("SIGTERM");
  expect(await hub.exited).toBe(0);
  await serveAgain();
  state.over = true;
  await Promise.all(visitors);
  const broken = outcomes.filter((each) => each.includes("HTTP/1.1"));
  expect(broken).toEqual([]);
}, 40_000);
