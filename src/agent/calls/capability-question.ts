// A request for a capability as the local API has it, in the words of whoever asks the hub.
import type { CapabilityQuestion } from "../../client/calls/ask-capability.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";

export function capabilityQuestion(request: LocalRequest<"capability">): CapabilityQuestion {
  const { protocol, version, payload, model, only_device, prefer_device, timeout_ms } = request;
  return {
    capability: { protocol, version },
    payload,
    model,
    onlyDevice: only_device,
    preferDevice: prefer_device,
    timeoutMs: timeout_ms,
  };
}
