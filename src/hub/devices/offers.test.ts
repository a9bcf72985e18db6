import { expect, test } from "bun:test";
import type { ClientMessage } from "../../protocol/messages.ts";
import type { Service } from "../../protocol/services.ts";
import { addDevice } from "../../store/devices.ts";
import { hubStore, newDevice, NOW } from "../../store/testing.ts";
import { Offers } from "./offers.ts";

const web: Service = { name: "web", service_type: "http", local_port: 3000, health_endpoint: "/health" };
const postgres: Service = { name: "postgres", service_type: "tcp", local_port: 5432 };
const chat = { protocol: "llm.chat", version: "1.0.0", class: "compute" } as const;
const register = (...services: Service[]): ClientMessage<"service_register"> => ({
  type: "service_register",
  id: "1",
  services,
});
const well = (name: string): ClientMessage<"service_state"> => ({
  type: "service_state",
  name,
  state: "up",
  checked_at: new Date(NOW).toISOString(),
  reason: null,
});

async function opened() {
  const { db } = await hubStore();
  const device = newDevice("attic");
  await addDevice(db, device, NOW);
  const changes = { count: 0 };
  const load = async (): Promise<Offers> => {
    const offers = new Offers({ db, changed: () => void (changes.count += 1) });
    await offers.load();
    return offers;
  };
  return { db, id: device.deviceId, changes, offers: await load(), load };
}

test("what a device offers is told while it is away, after a restart of the hub too", async () => {
  const { id, offers, load } = await opened();
  expect(await offers.handle(id, register(web, postgres))).toEqual({
    type: "service_registered",
    id: "1",
    device_id: id,
    services: [web, postgres],
  });
  await offers.handle(id, { type: "capabilities_update", id: "2", capabilities: [chat], queries: ["Notes"] });
  const again = await load();
  expect(again.of(id)).toEqual({ services: [web, postgres], capabilities: [chat], queries: ["Notes"] });
  expect(again.services(id).map(({ state }) => state)).toEqual(["unknown", "unknown"]);
});

test("services and capabilities that come together are both kept", async () => {
  const { id, offers, load } = await opened();
  await Promise.all([
    offers.handle(id, { type: "capabilities_update", id: "1", capabilities: [chat], queries: [] }),
    offers.handle(id, register(web)),
  ]);
  const both = { services: [web], capabilities: [chat], queries: [] };
  expect(offers.of(id)).toEqual(both);
  expect((await load()).of(id)).toEqual(both);
});

test("a service that is not named any more is gone; of two with one name the last counts", async () => {
  const { id, offers } = await opened();
  await offers.handle(id, register(web, postgres));
  const moved = { ...web, local_port: 4000 };
  await offers.handle(id, register(web, moved));
  expect(offers.of(id).services).toEqual([moved]);
});

test("how services are is news when it changes, and unknown once the device has left", async () => {
  const { id, offers, changes } = await opened();
  await offers.handle(id, register(web));
  changes.count = 0;
  offers.heard(id, well("web"));
  offers.heard(id, well("web"));
  offers.heard(id, well("never-registered"));
  expect(changes.count).toBe(1);
  expect(offers.services(id)).toMatchObject([{ name: "web", state: "up" }]);
  offers.left(id);
  expect(offers.services(id)).toMatchObject([{ name: "web", state: "unknown" }]);
});

test("a newer session of the device knows no states of the older one; a controller's beside it changes none", async () => {
  const { id, offers } = await opened();
  await offers.handle(id, register(web));
  offers.heard(id, well("web"));
  for (const kind of ["attach", "person"] as const) offers.joined({ kind, deviceId: id });
  expect(offers.services(id)).toMatchObject([{ name: "web", state: "up" }]);
  // The older one has not left: it was fenced, and its end is told of nobody.
  offers.joined({ kind: "register", deviceId: id });
  expect(offers.services(id)).toMatchObject([{ name: "web", state: "unknown", checked_at: null }]);
});

test("the same said again writes nothing and is no news", async () => {
  const { id, offers, changes } = await opened();
  await offers.handle(id, register(web));
  changes.count = 0;
  await offers.handle(id, register(web));
  expect(changes.count).toBe(0);
});

test("a row that can't be read offers nothing until the device says it again", async () => {
  const { db, id, offers, load } = await opened();
  await offers.handle(id, register(web));
  await db.updateTable("device_offers").set({ services: "{", capabilities: '[{"x":1}]' }).execute();
  expect((await load()).of(id)).toEqual({ services: [], capabilities: [], queries: [] });
});

test("what a service was like is forgotten with it, and not known of the next of its name", async () => {
  const { id, offers } = await opened();
  await offers.handle(id, register(web));
  offers.heard(id, well("web"));
  expect(offers.services(id)).toMatchObject([{ name: "web", state: "up" }]);
  await offers.handle(id, register(postgres));
  await offers.handle(id, register(web));
  expect(offers.services(id)).toMatchObject([{ name: "web", state: "unknown" }]);
});
