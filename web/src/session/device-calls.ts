// The page's calls about devices that want to come in. Each needs the bearer: a cookie alone lets nobody in.
import type { z } from "zod";
import {
  deviceDecideResponse,
  deviceLookupResponse,
  deviceSetupResponse,
  type DeviceLookupResponse,
  type DeviceSetupRequest,
  type DeviceSetupResponse,
} from "../../../src/protocol/joining-api.ts";
import { callHub } from "./hub-http.ts";

export type Decided = z.infer<typeof deviceDecideResponse>;

export interface Decision {
  user_code: string;
  decision: "approve" | "deny";
  words_compared?: boolean;
}

export async function lookUpDevice(userCode: string, token: string | null): Promise<DeviceLookupResponse> {
  const body = { user_code: userCode };
  return (await callHub({ ...post("lookup", token), body, answer: deviceLookupResponse })).value;
}

export async function decideDevice(body: Decision, token: string | null): Promise<Decided> {
  return (await callHub({ ...post("decide", token), body, answer: deviceDecideResponse })).value;
}

export async function prepareDevice(
  body: DeviceSetupRequest,
  token: string | null,
): Promise<DeviceSetupResponse> {
  return (await callHub({ ...post("setup", token), body, answer: deviceSetupResponse })).value;
}

function post(call: string, token: string | null): { method: "POST"; path: string; token: string | null } {
  return { method: "POST", path: `/api/device/${call}`, token };
}
