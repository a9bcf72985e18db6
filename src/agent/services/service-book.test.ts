import { describe, expect, test } from "bun:test";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { ClientMessage } from "../../protocol/messages.ts";
import type { Network, Socket } from "../../world/world.ts";
import { Notices } from "../notices.ts";
import { FakeHub, TestTime } from "../testing.ts";
import type { OfferedService } from "./offered-service.ts";
import { ServiceBook } from "./service-book.ts";

const DB: OfferedService = { name: "db", port: 5432, type: "tcp", timeoutMs: 1000 };
const API: OfferedService = { name: "api", port: 8092, type: "http", timeoutMs: 1000 };

/** A machine on which these ports take connections. */
function scene(services: OfferedService[] = [DB, API], forbidden: number[] = []) {
  const time = new TestTime();
  const hub = new FakeHub();
  const notices = new Notices();
  const open = new Set([5432, 8092]);
  const network = {
    connect: ({ address }: Parameters<Network["connect"]>[0]): Promise<Socket> => {
      const isOpen = "port" in address && open.has(address.port);
      // Nothing but its closing is asked for.
      if (isOpen) return Promise.resolve({ close() {} } as Socket);
      return Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
    },
    fetch: () => Promise.reject(new Error("nobody asked for it")),
  };
  const book = new ServiceBook({
    services,
    network,
    hub,
    notices,
    clock: time,
    timers: time,
    log: SILENT_LOG,
    forbiddenPorts: () => forbidden,
  });
  hub.open({ events: { state() {}, message() {} } } as never);
  const told = (): string[] =>
    hub.sent
      .filter((each): each is ClientMessage<"service_state"> => each.type === "service_state")
      .map(({ name, state }) => `${name} ${state}`);
  const later = async (ms: number): Promise<void> => {
    time.advance(ms);
    await settled();
  };
  return { book, hub, notices, open, told, later, forbidden };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("the services of a device", () => {
  test("are registered at each connection, and their states told behind that", async () => {
    const { book, hub, told } = scene();
    book.start();
    await settled();
    expect(told()).toEqual([]);
    hub.connect();
    book.connected();
    await settled();
    expect(hub.askedFor("service_register").map(({ services }) => services)).toEqual([
      [
        { name: "db", service_type: "tcp", local_port: 5432 },
        { name: "api", service_type: "http", local_port: 8092 },
      ],
    ]);
    expect(told()).toEqual(["db up", "api up"]);
    hub.connect();
    book.connected();
    await settled();
    expect(hub.askedFor("service_register")).toHaveLength(2);
    expect(told()).toHaveLength(4);
    book.close();
  });

  test("are asked every ten seconds, told when they turn, and else every half minute", async () => {
    const { book, hub, open, told, later } = scene([DB]);
    hub.connect();
    book.connected();
    book.start();
    await settled();
    expect(told()).toEqual(["db up"]);
    await later(10_000);
    await later(10_000);
    expect(told()).toHaveLength(1);
    await later(10_000);
    expect(told()).toEqual(["db up", "db up"]);
    open.delete(5432);
    await later(10_000);
    expect(told().at(-1)).toBe("db down");
    expect(book.views()).toMatchObject([
      { name: "db", state: "down", reason: "nothing listens on port 5432" },
    ]);
    book.close();
    await later(60_000);
    expect(told()).toHaveLength(3);
  });

  test("none of them is told too, for there may have been some", async () => {
    const { book, hub } = scene([]);
    hub.connect();
    book.connected();
    book.start();
    await settled();
    expect(hub.askedFor("service_register")).toMatchObject([{ services: [] }]);
    book.close();
  });
});

describe("a port of Muster's own", () => {
  test("that is known to be one stops the start", () => {
    expect(() => scene([API], [8092])).toThrow(
      'the service "api" names port 8092, which is one of Muster\'s own',
    );
  });

  test("that became one later is no service any more, and the person is told", async () => {
    const { book, hub, forbidden, notices, later } = scene();
    hub.connect();
    book.connected();
    book.start();
    await settled();
    forbidden.push(8092);
    expect(book.get("api")).toBeUndefined();
    expect(book.services.map(({ name }) => name)).toEqual(["db"]);
    await later(10_000);
    expect(hub.askedFor("service_register").at(-1)?.services).toHaveLength(1);
    expect(notices.all().join()).toContain("port 8092");
    forbidden.pop();
    await later(10_000);
    expect(hub.askedFor("service_register").at(-1)?.services).toHaveLength(2);
    expect(notices.all()).toEqual([]);
    book.close();
  });

  test("more services than a device may have are refused", () => {
    const many = Array.from({ length: 101 }, (_, at) => ({ ...DB, name: `s${at}` }));
    expect(() => scene(many)).toThrow("at most 100 services");
  });
});
