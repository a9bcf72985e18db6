import { expect, test } from "bun:test";
import { Secret } from "../../identity/secret.ts";
import type { HubToClient } from "../../protocol/messages.ts";
import type { Actor } from "../../protocol/actors.ts";
import type { TunnelCredentials } from "../../tunnels/link.ts";
import { testHub } from "../api/hub.fixture.ts";
import type { Session } from "../sessions/session.ts";

test("a device that asks for its tunnel twice at once gets both answers, one after the other", async () => {
  await using hub = await testHub();
  const { deviceId, key } = await hub.home.device("pi");
  await hub.devices.refresh(deviceId);
  const { link } = hub.life.named;
  const credentials = (): Promise<TunnelCredentials> =>
    Promise.resolve({
      accountTag: "a",
      tunnelId: "t",
      hostname: "pi.localhost",
      secret: new Secret(new Uint8Array(32)),
    });
  const made = { ...link, create: () => link.status(deviceId), credentials, delivered: async () => {} };
  Object.assign(hub.life.named, { link: made });
  const told: HubToClient[] = [];
  const actor: Actor = {
    kind: "register",
    deviceKey: key,
    deviceId,
    roles: new Map([[hub.home.root, "member"]]),
  };
  const facts = { deviceId, kind: "register" };
  const session = {
    facts,
    key,
    actor,
    send: (message: HubToClient) => told.push(message),
  } as unknown as Session; // what is looked at
  const answers: HubToClient[] = [];
  const asked = ["1", "2"].map((id) =>
    hub.life.handle(session, { type: "tunnel_want", id }).then((answer) => answers.push(answer)),
  );
  for (let turn = 0, taken = 0; turn < 200 && answers.length < 2; turn++) {
    expect(told.length - taken).toBeLessThanOrEqual(1);
    if (taken < told.length) {
      taken += 1;
      hub.life.tookTunnel(session);
    }
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  expect(answers).toEqual([
    { type: "done", id: "1" },
    { type: "done", id: "2" },
  ]);
  await Promise.all(asked);
});
