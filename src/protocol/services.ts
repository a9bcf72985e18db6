// The ports of a device that it lets others reach, by name: what it registers, and how they are.
import { z } from "zod";
import { isHealthPath } from "./health-path.ts";
import { isServiceName } from "./names.ts";

export const SERVICE_TYPES = ["http", "tcp"] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];
export const SERVICE_STATES = ["up", "down", "unknown"] as const;

export const SERVICES_PER_DEVICE = 100;

/** As the configuration takes it. One that is a host name without two dashes in a row has a host of its own too. */
export const serviceName = z.string().max(64).refine(isServiceName);

export const service = z.object({
  name: serviceName,
  service_type: z.enum(SERVICE_TYPES),
  local_port: z.number().int().min(1).max(65_535),
  /** A path of the service that answers 2xx while it is well. */
  health_endpoint: z.string().refine(isHealthPath).optional(),
});
export type Service = z.infer<typeof service>;

/** How a service was when the agent last asked it. */
export const serviceHealth = z.object({
  state: z.enum(SERVICE_STATES).catch("unknown"),
  checked_at: z.iso.datetime().nullable(),
  reason: z.string().max(300).nullable(),
});
export type ServiceHealth = z.infer<typeof serviceHealth>;

export const serviceView = z.object({
  ...service.shape,
  ...serviceHealth.shape,
  /** Of one that has a host of its own at the hub. */
  url: z.string().max(400).nullable().optional().catch(undefined),
});
export type ServiceView = z.infer<typeof serviceView>;
