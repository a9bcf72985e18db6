// What a signed-in person does with a device: takes it off this hub, gives its tunnel another secret. The device
// keeps its key, for a session commands nothing; only an entry of the owner log makes it forget that.
import { z } from "zod";
import { MusterError } from "../../protocol/errors.ts";
import type { ActorOf, ResourceOf } from "../../protocol/actors.ts";
import { findDevice } from "../../store/devices.ts";
import { findSetup, removeSetup } from "../../store/setups.ts";
import { deviceResource } from "../devices/device-life.ts";
import { json } from "./answers.ts";
import { holdBack } from "./hold-back.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

const nothing = z.object({});

export function deviceLifeRoutes(parts: ApiParts): Route[] {
  return [
    route<"device.revoke">({
      method: "DELETE",
      path: "/api/devices/:id",
      action: "device.revoke",
      at: "hub",
      async answer(call) {
        const id = call.url.pathname.split("/").at(-1) ?? "";
        const { userId } = call.actor as ActorOf<"person">; // the table's row lets nobody else in
        const remove = await removerOf(parts, call, { id, actor: `user:${userId}` });
        holdBack(parts.life.deletionWaitMs(userId));
        await remove();
        return json({ device_id: id, status: "revoked" });
      },
    }),
    route<"device.revoke">({
      method: "POST",
      path: "/api/devices/:id/tunnel/rotate",
      action: "device.revoke",
      at: "hub",
      async answer(call) {
        const id = call.url.pathname.split("/").at(-3) ?? "";
        call.allow(deviceResource(await findDevice(parts.db, id)));
        await call.json(nothing);
        return json({ device_id: id, link: await parts.life.rotate(id) });
      },
    }),
  ];
}

/** Of a device, or of a place that no device has taken yet. */
async function removerOf(
  parts: ApiParts,
  call: Call<"device.revoke">,
  { id, actor }: { id: string; actor: string },
): Promise<() => Promise<void>> {
  const setup = await findSetup(parts.db, id);
  if (setup !== undefined) {
    const resource: ResourceOf<"device"> = { kind: "device", deviceKey: "", ownerRoots: [setup.owner_root] };
    call.allow(resource);
    return async () => {
      await removeSetup(parts.db, id, parts.clock.now());
      await parts.life.named.link.remove(id);
    };
  }
  const device = await findDevice(parts.db, id);
  call.allow(deviceResource(device));
  return async () => {
    if (device === undefined) throw new MusterError("not_found", "there is no such thing here");
    await parts.life.removals.revoke(device, actor);
  };
}
