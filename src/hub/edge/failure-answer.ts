// What a visitor reads when a request ends at the hub: which hop broke, and what to do.
import type { Answer } from "../../http1/answer.ts";
import { field, type Field } from "../../http1/field.ts";
import {
  prefersJson,
  programPrefersJson,
  problemJson,
  problemPage,
  type Problem,
} from "../../protocol/error-page.ts";
import { PLAIN_PAGE_CSP } from "../../protocol/plain-page.ts";
import { SERVICE_STRANGER } from "../../protocol/service-words.ts";

type Text = Omit<Problem, "requestId">;

const FAILURES = {
  unknown_host: {
    status: 404,
    code: "not_found",
    title: "No such address here",
    message: "This hub answers, but the address is none of its own.",
    hint: "Check the spelling of the address.",
    hop: "hub",
  },
  unknown_share: {
    status: 404,
    code: "not_found",
    title: "Nothing is published here",
    message: "No share has this name on this hub. It may have been removed or have come to its end.",
    hint: "Ask whoever gave you the address.",
    hop: "share",
  },
  needs_own_host: {
    status: 403,
    code: "forbidden",
    title: "This share needs an address of its own",
    message:
      "Below /p/ only public pages are shown, because everything there shares one origin. This share is an app, or is not for everybody.",
    hint: "Its owner can give the hub a domain, or open a tunnel.",
    hop: "hub",
  },
  page_host: {
    status: 403,
    code: "forbidden",
    title: "Not at this address",
    message: "This host carries the hub's own page, and shows nobody else's.",
    hint: "Use the hub's address without `muster.` in front.",
    hop: "hub",
  },
  upgrade_needed: {
    status: 426,
    code: "bad_request",
    title: "This is where devices connect",
    message: "A trunk begins with an upgrade, which this request did not ask for.",
    hop: "hub",
  },
  too_many_unproven: {
    status: 429,
    code: "too_many",
    title: "Too many connections",
    message: "From your address too many connections have not said who they are.",
    hint: "Try again in a few seconds.",
    hop: "hub",
  },
  device_offline: {
    status: 503,
    code: "device_offline",
    title: "The device is offline",
    message: "The machine that holds this share is not connected to the hub at the moment.",
    hint: "It comes back by itself when the machine is awake and online. Try again in a moment.",
    hop: "device",
  },
  device_busy: {
    status: 503,
    code: "unavailable",
    title: "The device is busy",
    message: "The machine that holds this share takes no more requests at the moment.",
    hint: "Try again in a moment.",
    hop: "device",
  },
  device_lost: {
    status: 502,
    code: "device_offline",
    title: "The connection to the device broke",
    message: "The machine that holds this share went away before it answered.",
    hint: "The request was not repeated, because it may have been carried out. Look before you try again.",
    hop: "device",
  },
  service_stranger: { ...SERVICE_STRANGER, status: 404, hop: "hub", service: true },
  service_plain: {
    status: 403,
    code: "forbidden",
    title: "Not over plain HTTP",
    message:
      "Services are opened over https only: on this address anyone on the way could read what you send.",
    hint: "Open it over https, or bring it to your machine: muster forward.",
    hop: "hub",
    service: true,
  },
  service_for_programs: {
    status: 403,
    code: "forbidden",
    title: "Not for browsers",
    message:
      "Below /d/ services answer to programs that bring a ticket, and to nothing that comes with a cookie or from a page.",
    hint: "In a browser each service has an address of its own: SERVICE--DEVICE in front of the hub's domain.",
    hop: "hub",
    service: true,
  },
  service_offline: {
    status: 503,
    code: "device_offline",
    title: "The device is offline",
    message: "The machine that offers this service is not connected to the hub at the moment.",
    hint: "It comes back by itself when the machine is awake and online. Try again in a moment.",
    hop: "device",
    service: true,
  },
  service_busy: {
    status: 503,
    code: "unavailable",
    title: "The device is busy",
    message: "The machine that offers this service takes no more requests at the moment.",
    hint: "Try again in a moment.",
    hop: "device",
    service: true,
  },
  service_lost: {
    status: 502,
    code: "device_offline",
    title: "The connection to the device broke",
    message: "The machine that offers this service went away before it answered.",
    hint: "The request was not repeated, because it may have been carried out. Look before you try again.",
    hop: "device",
    service: true,
  },
  hub_pages: {
    status: 503,
    code: "unavailable",
    title: "The hub is not ready",
    message: "The hub's own pages do not answer at the moment.",
    hint: "Try again in a moment.",
    hop: "hub",
  },
} as const satisfies Record<string, Text>;

export type EdgeFailure = keyof typeof FAILURES;

/** Whole seconds. */
const RETRY_AFTER_S = "5";

export interface FailedRequest {
  failure: EdgeFailure;
  requestId: string;
  fields: readonly Field[];
  /** No browser asks in this way. */
  program?: boolean;
}

export function failureAnswer({
  failure,
  requestId,
  fields,
  program = false,
}: FailedRequest): Answer & { status: number } {
  const text: Text = FAILURES[failure];
  const problem: Problem = { ...text, requestId };
  const accept = fields.find((each) => each.lower === "accept")?.value;
  const json = program ? programPrefersJson(accept) : prefersJson(accept);
  const headers = [
    field("Content-Type", json ? "application/json" : "text/html; charset=utf-8"),
    field("Content-Security-Policy", PLAIN_PAGE_CSP),
    field("X-Content-Type-Options", "nosniff"),
    field("Cache-Control", "no-store"),
    field("Muster-Request-Id", requestId),
  ];
  if (text.status === 503 || text.status === 429) headers.push(field("Retry-After", RETRY_AFTER_S));
  return { status: text.status, fields: headers, body: json ? problemJson(problem) : problemPage(problem) };
}
