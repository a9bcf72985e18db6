// What a signed-in person does with a device: takes it off this hub. The device keeps its key, for a session
// commands nothing; only an entry of the owner log, written by a controller, makes it forget that.
import type { Actor } from "../../protocol/permissions.ts";
import { findDevice } from "../../store/devices.ts";
import { deviceResource } from "../devices/device-life.ts";
import { json } from "./answers.ts";
import { holdBack } from "./hold-back.ts";
import type { ApiParts } from "./ports.ts";
import { type Route, route } from "./route.ts";

export function deviceLifeRoutes(parts: ApiParts): Route[] {
  return [
    route<"device.revoke">({
      method: "DELETE",
      path: "/api/devices/:id",
      action: "device.revoke",
      at: "hub",
      async answer(call) {
        const deviceId = call.url.pathname.split("/").at(-1) ?? "";
        const device = await findDevice(parts.db, deviceId);
        call.allow(deviceResource(device));
        const account = userOf(call.actor);
        holdBack(parts.life.deletionWaitMs(account));
        if (device !== undefined) await parts.life.removals.revoke(device, `user:${account}`);
        return json({ device_id: deviceId, status: "revoked" });
      },
    }),
  ];
}

function userOf(actor: Actor): string {
  if (actor.kind === "person") return actor.userId;
  throw new Error("the table's row lets people in, and nobody else");
}
