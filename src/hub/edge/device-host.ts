// A device's own host name: `/health` is for everyone and is answered by the device itself, so it proves the
// whole way; `/` leads to the hub's page, which shows the device to who is signed in. Nothing else is there.
import type { Answer } from "../../http1/answer.ts";
import { field } from "../../http1/field.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { DEVICE_TARGET } from "../../protocol/open.ts";

export type DeviceHostAnswer =
  | { kind: "device"; target: typeof DEVICE_TARGET }
  | { kind: "answer"; answer: Answer }
  | { kind: "nothing" };

export function deviceHostAnswer({ method, target }: RequestHead, pageUrl: string): DeviceHostAnswer {
  const reads = method === "GET" || method === "HEAD";
  const path = target.split("?")[0];
  if (reads && path === "/health") return { kind: "device", target: DEVICE_TARGET };
  if (!reads || path !== "/") return { kind: "nothing" };
  const fields = [field("Location", `${pageUrl}/`), field("Cache-Control", "no-store")];
  return { kind: "answer", answer: { status: 302, fields } };
}
