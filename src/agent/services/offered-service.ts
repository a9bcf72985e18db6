// A port of this machine that its owner has given a name.
import type { Service, ServiceType } from "../../protocol/services.ts";

export interface OfferedService {
  name: string;
  port: number;
  type: ServiceType;
  /** What its port is known for, where the type follows from that and nobody said it. */
  knownFor?: string;
  /** Path that is asked whether it is well; without one a connection says it. */
  health?: string;
  /** How long the first byte of an answer may take. */
  timeoutMs: number;
}

/** As the hub is told. */
export function serviceOf({ name, port, type, health }: OfferedService): Service {
  return {
    name,
    service_type: type,
    local_port: port,
    ...(health === undefined ? {} : { health_endpoint: health }),
  };
}
