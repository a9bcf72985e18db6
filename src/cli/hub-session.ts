// A session with the hub as the commands use it where no agent runs: what may be asked and done by this home's own
// controller key. The same calls as an agent's local API has, as far as they need no agent.

import type { CapabilityReply } from "../protocol/capability-messages.ts";
import type { ControllerMessage } from "../protocol/command-messages.ts";
import type { LocalCall, LocalRequest, LocalResponse, StreamCall } from "../protocol/local-api.ts";
import type { QueryReply } from "../protocol/query-messages.ts";
import type { ClientMessage, HubMessage } from "../protocol/messages.ts";

/** Which message of the hub answers which question. */
export interface HubAnswers {
  fleet_get: "fleet";
  login_link_make: "login_link";
  audit_get: "audit";
}

export type HubQuestion = keyof HubAnswers;

/** The same calls as an agent's local API has. */
export interface DeviceCalls {
  approve(request: LocalRequest<"device_approve">): Promise<LocalResponse<"device_approve">>;
  rotate(request: LocalRequest<"device_rotate">): Promise<LocalResponse<"device_rotate">>;
  show(request: LocalRequest<"device_show">): Promise<LocalResponse<"device_show">>;
  invited(request: LocalRequest<"device_invited">): Promise<LocalResponse<"device_invited">>;
  rename(request: LocalRequest<"device_rename">): Promise<LocalResponse<"device_rename">>;
  remove(request: LocalRequest<"device_remove">): Promise<LocalResponse<"device_remove">>;
}

/** What an owner does with the keys of the owner log. */
export type OwnerCalls = {
  [
    Name in
      | "owners"
      | "owner_promote"
      | "device_share"
      | "device_unshare"
      | "hub_handover"
      | "recovery_make"
      | "recovery_use"
      | "owners_reset"
  ]: (request: LocalRequest<Name>) => Promise<LocalResponse<Name>>;
};

/** Keys that use what devices offer and never command. */
export type KeyCalls = {
  [Name in "keys" | "key_create" | "key_revoke"]: (
    request: LocalRequest<Name>,
  ) => Promise<LocalResponse<Name>>;
};

/** Orders to devices: streams of order frames, and what those under way are given. */
export interface OrderCalls {
  run(request: LocalRequest<"run">): Promise<AsyncIterable<Uint8Array>>;
  shell(request: LocalRequest<"shell">): Promise<AsyncIterable<Uint8Array>>;
  forward(request: LocalRequest<"forward">): Promise<AsyncIterable<Uint8Array>>;
  capability(request: LocalRequest<"capability_order">): Promise<AsyncIterable<Uint8Array>>;
  /** Resolves once it was taken. */
  input(order: string, bytes: Uint8Array): Promise<void>;
  tell(order: string, message: ControllerMessage): Promise<void>;
}

/** The same calls about one task as an agent's local API has. */
export type TaskCalls = {
  [Name in Exclude<Extract<LocalCall, `task_${string}`>, StreamCall>]: (
    request: LocalRequest<Name>,
  ) => Promise<LocalResponse<Name>>;
};

/** Refusals and losses reject with a MusterError. */
export interface HubSession {
  readonly device: { id: string; name: string };
  /** The request id is the session's own business. */
  request<Type extends HubQuestion>(
    type: Type,
    message: Omit<ClientMessage<Type>, "type" | "id">,
  ): Promise<HubMessage<HubAnswers[Type]>>;
  /** What may be done with the devices of the fleet, by this home's controller key. */
  devices(): Promise<DeviceCalls>;
  owners(): Promise<OwnerCalls>;
  keys(): Promise<KeyCalls>;
  /** What may be ordered by this home's controller key. */
  orders(): Promise<OrderCalls>;
  tasks(): Promise<TaskCalls>;
  /** Who is asked, the parts as they come, who answered. Aborting `left` cancels. */
  query(request: LocalRequest<"query">, left: AbortSignal): AsyncIterable<QueryReply>;
  /** The same of tasks, each device's from a sealed session. */
  taskQuery(request: LocalRequest<"task_query">, left: AbortSignal): AsyncIterable<QueryReply>;
  /** Parts and one response, from whichever device serves. Aborting `left` cancels. */
  capability(request: LocalRequest<"capability">, left: AbortSignal): AsyncIterable<CapabilityReply>;
  /** Signed with the controller key of this home. */
  serviceTicket(request: LocalRequest<"service_ticket">): Promise<LocalResponse<"service_ticket">>;
  /** Signs an invite with the controller key of this home and appends it to the owner log. */
  deviceToken(request: LocalRequest<"device_token">): Promise<LocalResponse<"device_token">>;
  close(): void;
}
