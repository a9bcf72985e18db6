// What a device of the fleet offers, for transcripts.
import type { LocalRequest, LocalResponse } from "../../protocol/local-api.ts";
import type { DeviceView } from "../../protocol/views.ts";
import { MusterError } from "../../protocol/errors.ts";
import { STARTED_AT } from "./fake-timers.ts";

const checked_at = new Date(STARTED_AT - 4000).toISOString();

export const FAKE_OFFER = {
  services: [
    {
      name: "grafana",
      service_type: "http",
      local_port: 3000,
      health_endpoint: "/api/health",
      state: "up",
      checked_at,
      reason: null,
      url: "https://grafana--pi.example.com/",
    },
    {
      name: "postgres",
      service_type: "tcp",
      local_port: 5432,
      state: "down",
      checked_at,
      reason: "nothing listens on port 5432",
      url: null,
    },
  ],
  capabilities: [
    { protocol: "llm.chat", version: "1.0.0", models: ["qwen3:8b"], class: "compute" },
    { protocol: "tasks", version: "1.0.0", class: "read" },
    { protocol: "exec", version: "1.0.0", class: "control" },
  ],
} satisfies Pick<DeviceView, "services" | "capabilities">;

export function fakeTicket(request: LocalRequest<"service_ticket">): LocalResponse<"service_ticket"> {
  const { device, service, expires_in_ms } = request;
  if (service !== "grafana") {
    throw new MusterError("not_found", `${device} has no service "${service}"`, {
      hint: "it has grafana, postgres",
    });
  }
  return {
    device: { id: "abcdefg-hijklmn-opqrstu-vwxyz23", name: device },
    service,
    url: `https://example.com/d/${device}/${service}/`,
    page_url: `https://${service}--${device}.example.com/`,
    ticket: `mtk1_${"t".repeat(20)}`,
    expires_at: new Date(STARTED_AT + expires_in_ms).toISOString(),
  };
}
