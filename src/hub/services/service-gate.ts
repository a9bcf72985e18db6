// Requests for services of devices. Who asks is looked at before anything that is asked for: without a controller's
// word everybody gets the same, whether there is such a device, such a service, and whether it is here. The device
// looks again by itself, and only its own look lets anything through.
import { cookieValue } from "../../http1/cookies.ts";
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { NOBODY } from "../../http1/exchange.ts";
import { field } from "../../http1/field.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import type { Crypto } from "../../identity/crypto.ts";
import { readBrowserTicket, VouchedWords, type Trusts } from "../../identity/service-access.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { SERVICE_TARGET, type ServicePath, type ServicePlace } from "../../protocol/service-address.ts";
import {
  NONCE_BYTES,
  NONCE_COOKIE,
  NONCE_LIFETIME_MS,
  nonceValue,
  PASS_COOKIE,
  serviceCookie,
  TICKET_FIELD,
} from "../../protocol/service-cookies.ts";
import { TICKET_PATH } from "../../protocol/ticket.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { Addresses } from "../addresses.ts";
import { commandsDevice } from "../co-owners.ts";
import type { DeviceBook } from "../device-book.ts";
import { failureAnswer, type EdgeFailure } from "../edge/failure-answer.ts";
import { visitShare, type ShareDoor, type ShareVisit } from "../edge/share-exchange.ts";
import type { OwnerLogs } from "../owner-logs.ts";
import { bearerOf, hasTicket, isOfBrowser, serviceAnswer, serviceRequest } from "./service-path.ts";
import { ticketPageAnswer } from "./ticket-page.ts";

export interface ServiceGateParts {
  addresses: Pick<Addresses, "pageUrl">;
  devices: Pick<DeviceBook, "byLabel">;
  ownerLogs: Pick<OwnerLogs, "get">;
  crypto: Pick<Crypto, "verifyEd25519" | "randomBytes">;
  shareDoor: ShareDoor;
  now(): number;
}

export type ServiceVisitor = Pick<ShareVisit, "visitor" | "https" | "secure" | "requestId">;

/** Longer ones are not come back to: they would fill a cookie. */
const RETURN_PATH_MAX = 1024;

export class ServiceGate {
  readonly #parts: ServiceGateParts;
  readonly #words: VouchedWords;

  constructor(parts: ServiceGateParts) {
    this.#parts = parts;
    this.#words = new VouchedWords(parts.crypto);
  }

  /** At a service's own host. */
  atHost(exchange: Exchange, place: ServicePlace, from: ServiceVisitor): ExchangeEvents {
    const { request } = exchange;
    if (!from.secure) return this.#fail(exchange, "service_plain", from);
    const reads = request.method === "GET" || request.method === "HEAD";
    const path = request.target.split("?")[0] ?? "";
    const page = reads ? ticketPageAnswer(path) : undefined;
    if (page !== undefined) return respond(exchange, page);
    const device = this.#parts.devices.byLabel(place.device);
    const redeems = path === TICKET_PATH && request.method === "POST";
    if (device === undefined || !this.#mayPass(request, { device, place, redeems })) {
      return this.#stranger(exchange, from);
    }
    const share = { deviceId: device.device_id, shareId: SERVICE_TARGET + place.service };
    return visitShare(this.#parts.shareDoor, { share, exchange, ...from });
  }

  /** Below `/d/`. */
  atPath(exchange: Exchange, path: ServicePath, from: ServiceVisitor): ExchangeEvents {
    const { request } = exchange;
    const { devices, shareDoor, now } = this.#parts;
    const program = !isOfBrowser(request);
    if (!from.secure) return this.#fail(exchange, "service_plain", { ...from, program });
    if (!program) return this.#fail(exchange, "service_for_programs", from);
    const text = bearerOf(request);
    const device = devices.byLabel(path.device);
    const at = { deviceId: device?.device_id ?? "", service: path.service };
    const asked = { text: text ?? "", at, nowMs: now(), trusts: this.#trustsOf(device) };
    if (text === undefined || device === undefined || this.#words.programTicket(asked) === undefined) {
      return this.#fail(exchange, "service_stranger", { ...from, program });
    }
    const forwarded = serviceRequest(request, path, text);
    return visitShare(shareDoor, {
      share: { deviceId: device.device_id, shareId: SERVICE_TARGET + path.service },
      exchange,
      request: forwarded,
      answerHead: () => serviceAnswer(forwarded, path),
      ...from,
    });
  }

  #mayPass(
    { fields, host }: RequestHead,
    given: { device: DeviceRow; place: ServicePlace; redeems: boolean },
  ): boolean {
    const { device, redeems } = given;
    const nowMs = this.#parts.now();
    const trusts = this.#trustsOf(device);
    const at = { deviceId: device.device_id, service: given.place.service };
    const place = { ...at, host: host.toLowerCase() };
    const text = fields.find(({ lower }) => lower === TICKET_FIELD)?.value;
    if (redeems) {
      const ticket = { text: text ?? "", at, host: place.host, nowMs, trusts };
      return readBrowserTicket(this.#parts.crypto, ticket) !== undefined;
    }
    if (text !== undefined) return this.#words.programTicket({ text, at, nowMs, trusts }) !== undefined;
    return fields.some(({ lower, value }) => {
      const cookie = lower === "cookie" ? cookieValue(value, PASS_COOKIE) : undefined;
      if (cookie === undefined) return false;
      const asked = { text: cookie, place, deviceKey: device.public_key, nowMs, trusts };
      return this.#words.pass(asked) !== undefined;
    });
  }

  #trustsOf(device: DeviceRow | undefined): Trusts {
    const { ownerLogs, now } = this.#parts;
    return (key) => device !== undefined && commandsDevice(ownerLogs, device, { key, nowMs: now() });
  }

  /** A person is sent to the hub's page, which knows people; the answer is made without looking at anything. */
  #stranger(exchange: Exchange, from: ServiceVisitor): ExchangeEvents {
    const { method, host, target, fields } = exchange.request;
    const program = hasTicket(fields);
    if (program || method !== "GET" || !navigates(fields)) {
      return this.#fail(exchange, "service_stranger", { ...from, program });
    }
    const nonce = this.#parts.crypto.randomBytes(NONCE_BYTES);
    const query = new URLSearchParams({ to: host.toLowerCase(), nonce: toBase64Url(nonce) });
    const path = target.length > RETURN_PATH_MAX ? "/" : target;
    return respond(exchange, {
      status: 302,
      fields: [
        field("Location", `${this.#parts.addresses.pageUrl}/access?${query.toString()}`),
        field("Set-Cookie", serviceCookie(NONCE_COOKIE, nonceValue(nonce, path), NONCE_LIFETIME_MS)),
        field("Cache-Control", "no-store"),
        field("Muster-Request-Id", from.requestId),
      ],
    });
  }

  #fail(
    exchange: Exchange,
    failure: EdgeFailure,
    { requestId, program = false }: ServiceVisitor & { program?: boolean },
  ): ExchangeEvents {
    const { fields } = exchange.request;
    return respond(exchange, failureAnswer({ failure, requestId, fields, program }));
  }
}

function respond(exchange: Exchange, answer: Parameters<Exchange["respond"]>[0]): ExchangeEvents {
  exchange.respond(answer);
  return NOBODY;
}

function navigates(fields: RequestHead["fields"]): boolean {
  const mode = fields.find(({ lower }) => lower === "sec-fetch-mode")?.value;
  if (mode !== undefined) return mode === "navigate";
  return fields.find(({ lower }) => lower === "accept")?.value.includes("text/html") ?? false;
}
