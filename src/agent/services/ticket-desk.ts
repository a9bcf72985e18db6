// Tickets for programs: this home's own key says that whoever has the text may open one service of one device for a
// while. Nobody else is asked, and nothing is kept; it ends early when this key leaves the owner log.
import { PROGRAM_TICKET_MAX_MS, signProgramTicket } from "../../identity/service-access.ts";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { LocalRequest, LocalResponse } from "../../protocol/local-api.ts";
import { servicePath } from "../../protocol/service-address.ts";
import type { Clock } from "../../world/world.ts";
import { orderedDevice, type OrderedDeviceParts } from "../orders/ordered-device.ts";

export interface ServiceTicketParts extends OrderedDeviceParts {
  clock: Clock;
  crypto: Crypto;
  signer: Signer;
  hubUrl(): string;
}

export async function makeServiceTicket(
  parts: ServiceTicketParts,
  request: LocalRequest<"service_ticket">,
): Promise<LocalResponse<"service_ticket">> {
  const { book, clock, crypto, hub, hubUrl, signer } = parts;
  const device = await orderedDevice(parts, request.device);
  if (book.log?.mayCommand(signer.publicKey, clock.now()) !== true) {
    throw new MusterError("forbidden", "the key of this home commands nothing, so it opens no services", {
      hint: "do it on a controller; `muster device ls` shows which those are",
    });
  }
  const { fleet } = await hub.request({ type: "fleet_get" }, "fleet");
  const { services = [] } = fleet.devices.find(({ id }) => id === device.id) ?? {};
  const service = services.find(({ name }) => name === request.service);
  if (service === undefined) throw unknownService(device.name, request.service, services);
  if (service.service_type !== "http") {
    throw new MusterError("bad_request", `"${service.name}" of ${device.name} does not speak HTTP`, {
      hint: `bring it to this machine: muster forward ${device.name}/${service.name}`,
    });
  }
  const expiresAt = clock.now() + Math.min(request.expires_in_ms, PROGRAM_TICKET_MAX_MS);
  const at = { deviceId: device.id, service: service.name };
  const ticket = await signProgramTicket(signer, at, { nonce: crypto.randomBytes(32), expiresAt });
  return {
    device: { id: device.id, name: device.name },
    service: service.name,
    url: hubUrl() + servicePath({ device: device.name, service: service.name }),
    page_url: service.url ?? null,
    ticket,
    expires_at: new Date(expiresAt).toISOString(),
  };
}

function unknownService(device: string, service: string, known: readonly { name: string }[]): MusterError {
  const names = known.map(({ name }) => name).join(", ");
  return new MusterError("not_found", `${device} has no service "${service}"`, {
    hint: names === "" ? "name it there under [services] in muster.toml" : `it has ${names}`,
  });
}
