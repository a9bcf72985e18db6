// What is said between this agent and a plugin: JSON-RPC 2.0 (jsonrpc.org/specification), one message a line. The whole
// contract is told in docs/guides/plugins.md.
//
//   agent                                              plugin
//   plugin.hello {name, contract}                  ->
//                                                  <-  any response: it is ready
//   capability.call {request_id, protocol,
//     version, payload, caller}                    ->
//                                                  <-  capability.part {request_id, data}   notification, any number
//                                                  <-  result or error
//   capability.cancel {request_id}                 ->  notification; the call is still answered
//   query {name, params}                           ->
//                                                  <-  result or error
//
// A plugin behind an address gets each request as the body of a POST, and answers with the same lines.
import { z } from "zod";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { jsonDepth } from "../../protocol/json-depth.ts";
import { JSON_MAX_DEPTH, RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";

/** Of the contract above. */
export const CONTRACT = 1;

/** A message of the largest size and what stands around it. */
export const RPC_LINE_MAX_BYTES = RELAY_MESSAGE_MAX_BYTES + 4096;

/** It can't take this call now, and has done nothing: another device may. */
const REFUSED = -32_001;
const INVALID_PARAMS = -32_602;
const METHOD_NOT_FOUND = -32_601;
const MESSAGE_MAX_CHARACTERS = 500;

const version = z.literal("2.0");
const rpcError = z.object({ code: z.number().int(), message: z.string() });
export type RpcError = z.infer<typeof rpcError>;

const response = z.union([
  z.object({ jsonrpc: version, id: z.number().int(), error: rpcError }),
  z.object({ jsonrpc: version, id: z.number().int(), result: z.unknown() }),
]);
const part = z.object({
  jsonrpc: version,
  method: z.literal("capability.part"),
  params: z.object({ request_id: z.string().max(64), data: z.unknown() }),
});
const request = z.object({
  jsonrpc: version,
  id: z.union([z.number(), z.string().max(64)]),
  method: z.string(),
});
const notification = z.object({ jsonrpc: version, method: z.string() });

export type RpcReply = { result: unknown } | { error: RpcError };
export type FromPlugin =
  | { kind: "reply"; id: number; reply: RpcReply }
  | { kind: "part"; requestId: string; data: unknown }
  /** A plugin asks nothing; it is told so. */
  | { kind: "request"; id: number | string }
  | { kind: "other" };

/** Undefined for what is none of these. */
export function readLine(line: Uint8Array): FromPlugin | undefined {
  const text = fromUtf8(line);
  if (text === undefined || jsonDepth(text) > JSON_MAX_DEPTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parted = part.safeParse(value);
  if (parted.success) {
    const { request_id: requestId, data } = parted.data.params;
    return { kind: "part", requestId, data };
  }
  const asked = request.safeParse(value);
  if (asked.success) return { kind: "request", id: asked.data.id };
  const replied = response.safeParse(value);
  if (replied.success) {
    const { id, ...reply } = replied.data;
    return { kind: "reply", id, reply: "error" in reply ? reply : { result: reply.result } };
  }
  return notification.safeParse(value).success ? { kind: "other" } : undefined;
}

export function rpcRequest(id: number, method: string, params: object): object {
  return { jsonrpc: "2.0", id, method, params };
}

export function rpcNotification(method: string, params: object): object {
  return { jsonrpc: "2.0", method, params };
}

export function rpcRefusal(id: number | string): object {
  return { jsonrpc: "2.0", id, error: { code: METHOD_NOT_FOUND, message: "nothing is asked of the agent" } };
}

/** A plugin's error as whoever asked hears it, and whether another device may be asked instead. */
export function problemOf(
  plugin: string,
  { code, message }: RpcError,
): { error: MusterError; isRefusal: boolean } {
  const text = `${plugin}: ${message.slice(0, MESSAGE_MAX_CHARACTERS)}`;
  if (code === REFUSED) return { error: new MusterError("unavailable", text), isRefusal: true };
  if (code === INVALID_PARAMS) return { error: new MusterError("invalid", text), isRefusal: false };
  if (code === METHOD_NOT_FOUND) return { error: new MusterError("not_found", text), isRefusal: true };
  return { error: new MusterError("app_failed", text), isRefusal: false };
}
