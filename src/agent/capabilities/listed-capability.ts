// A capability that is offered so that others see it, and used in another way than by a capability request.
import { MusterError } from "../../protocol/errors.ts";
import type { Capability } from "./capability.ts";

export function listedCapability(protocol: string, kind: "read" | "control"): Capability {
  return {
    offer: { protocol, version: "1.0.0", class: kind },
    audience: "controllers",
    call() {
      throw new MusterError("forbidden", `${protocol} is not used by a capability request`);
    },
  };
}
