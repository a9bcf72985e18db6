import { expect, test } from "bun:test";
import type { DeviceView } from "../../protocol/views.ts";
import { HUB, testHub, type TestHub } from "./hub.fixture.ts";

async function withOffers(): Promise<{ hub: TestHub; deviceId: string; token: string }> {
  const hub = await testHub();
  const { deviceId } = await hub.home.device("pi");
  const { token } = await hub.home.person("owner");
  const base = { status: "online", last_seen: null } as const;
  const service = {
    name: "api",
    service_type: "http",
    local_port: 1,
    state: "up",
    checked_at: null,
    reason: null,
  };
  const devices = [
    { ...base, id: deviceId, name: "pi", services: [service], capabilities: [offer("tasks", "1.2.0")] },
    { ...base, id: "other", name: "nas", status: "offline", capabilities: [offer("tasks", "2.0.0")] },
    { ...base, id: "bare", name: "box" },
  ] as unknown as DeviceView[];
  hub.parts.fleet.viewOf = () => ({ hub: { url: "", id: "", version: "" }, devices, shares: [] });
  return { hub, deviceId, token };
}

function offer(protocol: string, version: string) {
  return { protocol, version, class: "read" };
}

test("a person's program sees the services of a device", async () => {
  const { hub, deviceId, token } = await withOffers();
  await using _ = hub;
  const answer = await hub.call(`/api/devices/${deviceId}/services`, { token, at: HUB });
  expect(await answer.json()).toMatchObject({
    device_id: deviceId,
    services: [{ name: "api", state: "up" }],
  });
  expect((await hub.call(`/api/devices/${deviceId}/services`, { at: HUB })).status).toBe(401);
});

test("and which devices have a capability, in the version or newer, here or away", async () => {
  const { hub, token } = await withOffers();
  await using _ = hub;
  const names = async (query: string): Promise<string[]> => {
    const answer = await hub.call(`/api/devices/by-capability?${query}`, { token, at: HUB });
    const { items } = (await answer.json()) as { items: { name: string; status: string }[] };
    return items.map(({ name, status }) => `${name} ${status}`);
  };
  expect(await names("protocol=tasks&version=1.0.0")).toEqual(["pi online"]);
  expect(await names("protocol=tasks&version=1.3.0")).toEqual([]);
  expect(await names("protocol=tasks")).toEqual(["pi online", "nas offline"]);
  expect(await names("protocol=llm.chat&version=1.0.0")).toEqual([]);
  for (const query of ["", "protocol=Tasks", "protocol=tasks&version=1", "protocol=tasks&x=1"]) {
    expect((await hub.call(`/api/devices/by-capability?${query}`, { token, at: HUB })).status).toBe(400);
  }
});
