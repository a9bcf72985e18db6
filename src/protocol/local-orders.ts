// Calls of the local API that have something done or answered elsewhere: orders, tasks, capabilities, queries.
import { z } from "zod";
import { serviceName } from "./services.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";
import { COMMAND_REQUESTS, controllerMessage } from "./command-messages.ts";
import { CAPABILITY_WAITS, deviceName } from "./capability-messages.ts";
import { capabilityProtocol, capabilityVersion, modelName, queryName } from "./capabilities.ts";
import { QUERY_TYPES, QUERY_WAIT_MAX_MS } from "./query-messages.ts";
import { TASK_ANSWERS, TASK_REQUESTS } from "./tasks.ts";
import { reference } from "./local-reference.ts";

const ofDevice = { device: reference.optional() };
/** Told by the first frame of an order's stream. */
const orderId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);

const ticketMs = z
  .number()
  .int()
  .min(60_000)
  .max(30 * 86_400_000);

export const ORDER_CALLS = {
  /** Streams of order frames: a program here or on a device, a shell, a port of a device on this machine. */
  run: {
    request: z.object({
      /** Here when absent. */
      device: reference.optional(),
      request: COMMAND_REQUESTS.exec,
      wait_ms: z.number().int().min(0).max(86_400_000),
      /** Where the device is away the order is kept here, and given when it is back. */
      queue: z.boolean().default(false),
    }),
    response: z.never(),
  },
  /**
   * Tasks of this device and those that can be asked, each in a sealed session, or of one. Streams as `query` does.
   */
  task_query: {
    request: z.object({
      type: z.enum(["ListTasks", "SearchTasks", "GetTaskStats"]),
      /** As `TASK_REQUESTS` has them. */
      params: z.record(z.string(), z.unknown()),
      ...ofDevice,
    }),
    response: z.never(),
  },
  /** One task; without a device it is looked for. */
  task_show: { request: TASK_REQUESTS.show.extend(ofDevice), response: TASK_ANSWERS.show },
  task_logs: { request: TASK_REQUESTS.logs.extend(ofDevice), response: TASK_ANSWERS.logs },
  task_cancel: { request: TASK_REQUESTS.cancel.extend(ofDevice), response: TASK_ANSWERS.cancel },
  task_remove: { request: TASK_REQUESTS.remove.extend(ofDevice), response: TASK_ANSWERS.remove },
  shell: {
    request: z.object({ device: reference, request: COMMAND_REQUESTS.shell }),
    response: z.never(),
  },
  forward: {
    request: z.object({
      device: reference,
      service: COMMAND_REQUESTS.forward.shape.service,
      /** On this machine; 0 picks a free one. */
      port: z.number().int().min(0).max(65_535),
    }),
    response: z.never(),
  },
  /** A capability of one device, by a command in a sealed session: what it says is `capabilityLine`s. */
  capability_order: {
    request: z.object({ device: reference, request: COMMAND_REQUESTS.capability }),
    response: z.never(),
  },
  /** Opens one service of a device for a program at the hub; shown once. */
  service_ticket: {
    request: z.object({ device: reference, service: serviceName, expires_in_ms: ticketMs }),
    response: z.object({
      device: z.object({ id: z.string(), name: z.string() }),
      service: z.string(),
      url: z.string(),
      /** In a browser; null where its name is no host's. */
      page_url: z.string().nullable(),
      ticket: z.string(),
      expires_at: z.string(),
    }),
  },
  /** What an order under way is to read; answered once it was taken. */
  order_input: {
    request: z.object({ order: orderId, bytes: z.string().max(400_000) }),
    response: z.object({}),
  },
  order_tell: { request: z.object({ order: orderId, message: controllerMessage }), response: z.object({}) },
  /** Streams JSON lines: parts as they come, then one response (`capabilityReply`). Leaving it cancels. */
  capability: {
    request: z.object({
      protocol: capabilityProtocol,
      version: capabilityVersion,
      /** JSON text. */
      payload: z.string().max(RELAY_MESSAGE_MAX_BYTES),
      /** Only a device that has this model. */
      model: modelName.optional(),
      /** A name or an id, or its beginning: this one or nobody. */
      only_device: deviceName.optional(),
      prefer_device: deviceName.optional(),
      timeout_ms: z.number().int().min(1).max(CAPABILITY_WAITS.allMs).optional(),
    }),
    response: z.never(),
  },
  /** Streams JSON lines: who is asked, the parts as they come, who answered (`queryReply`). Leaving it cancels. */
  query: {
    request: z.object({
      type: z.enum(QUERY_TYPES),
      /** Of a `Custom` one. */
      name: queryName.optional(),
      /** JSON text of an object. */
      params: z.string().max(64_000),
      /** All of the owner's when absent. */
      devices: z.array(reference).min(1).max(256).optional(),
      timeout_ms: z.number().int().min(1).max(QUERY_WAIT_MAX_MS).optional(),
    }),
    response: z.never(),
  },
} as const;
