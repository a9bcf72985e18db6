import { afterAll, beforeAll, expect, test } from "bun:test";
import { FakeTime } from "../../trunk/testing.ts";
import { realNetwork } from "../../world/network.ts";
import type { OfferedService } from "./offered-service.ts";
import { checkService } from "./service-check.ts";

let server: ReturnType<typeof Bun.serve>;
const time = new FakeTime();
const parts = { network: realNetwork, timers: time };

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/moved") return Response.redirect("/well", 302);
      if (pathname === "/hang") return new Promise<Response>(() => {});
      return new Response("", { status: pathname === "/well" ? 204 : 503 });
    },
  });
});
afterAll(() => server.stop(true));

const service = (change: Partial<OfferedService> = {}): OfferedService => ({
  name: "api",
  port: server.port ?? 0,
  type: "http",
  timeoutMs: 1000,
  ...change,
});

test("a service with a path is up where that answers 2xx, and down with the reason where not", async () => {
  expect(await checkService(parts, service({ health: "/well" }))).toEqual({ state: "up", reason: null });
  expect(await checkService(parts, service({ health: "/ill" }))).toEqual({
    state: "down",
    reason: "/ill answers 503",
  });
  // It is asked for itself, and not for where it sends one.
  expect((await checkService(parts, service({ health: "/moved" }))).reason).toBe("/moved answers 302");
});

test("without a path, or of another protocol, a connection says it", async () => {
  expect((await checkService(parts, service())).state).toBe("up");
  expect((await checkService(parts, service({ type: "tcp", health: "/ill" }))).state).toBe("up");
  const gone = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = gone.port ?? 0;
  await gone.stop(true);
  expect(await checkService(parts, service({ port }))).toEqual({
    state: "down",
    reason: `nothing listens on port ${port}`,
  });
});

test("one that takes the question and says nothing is down after five seconds", async () => {
  const asked = Promise.withResolvers<void>();
  const network = {
    ...realNetwork,
    fetch: (...given: Parameters<typeof realNetwork.fetch>) => {
      asked.resolve();
      return realNetwork.fetch(...given);
    },
  };
  const checked = checkService({ ...parts, network }, service({ health: "/hang" }));
  await asked.promise;
  time.advance(5000);
  expect(await checked).toEqual({ state: "down", reason: "/hang is not answered within 5 s" });
});
