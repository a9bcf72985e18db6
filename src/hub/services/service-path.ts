// `/d/DEVICE/SERVICE/…`: services at the hub's own hosts, for programs alone. All of them share one origin with each
// other, so nothing that a browser sends by itself gets there, and what comes back can do nothing in one.
import { AnswerHead } from "../edge/answer-head.ts";
import { NOT_FOR_THE_ORIGIN } from "../edge/shared-origin.ts";
import { field, type Field } from "../../http1/field.ts";
import { forwardedResponse } from "../../http1/forward.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import type { ResponseHead } from "../../http1/response-head.ts";
import { serializeResponse } from "../../http1/serialize.ts";
import { servicePath, type ServicePath } from "../../protocol/service-address.ts";
import { TICKET_FIELD } from "../../protocol/service-cookies.ts";

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

/** The ticket; undefined where there is none, or more than one word of this kind. */
export function bearerOf({ fields }: RequestHead): string | undefined {
  const words = fields.filter(({ lower }) => lower === "authorization");
  return words.length === 1 ? BEARER.exec(words[0]?.value ?? "")?.[1] : undefined;
}

/** No browser sends one by itself. */
export function hasTicket(fields: RequestHead["fields"]): boolean {
  return fields.some(({ lower }) => lower === TICKET_FIELD);
}

/** A browser sends these, and no program needs them. */
export function isOfBrowser({ fields }: RequestHead): boolean {
  return fields.some(
    ({ lower, value }) =>
      lower === "cookie" || lower === "origin" || (lower === "sec-fetch-mode" && value === "navigate"),
  );
}

/** As its device gets it: the ticket in the field that its gateway reads and keeps from the service. */
export function serviceRequest(request: RequestHead, { target }: ServicePath, ticket: string): RequestHead {
  const fields = request.fields.filter(({ lower }) => lower !== "authorization" && lower !== TICKET_FIELD);
  return { ...request, target, fields: [...fields, field("Muster-Ticket", ticket)] };
}

/** For the answer to `request`. */
export function serviceAnswer(request: RequestHead, path: ServicePath): AnswerHead {
  return new AnswerHead(request, (head) => serializeResponse(head, answerFields(head, path, request.host)));
}

const SANDBOX = "sandbox; frame-ancestors 'none'";

function answerFields(head: ResponseHead, path: ServicePath, host: string): Field[] {
  return forwardedResponse(head, {
    connection: head.upgrade === undefined ? (head.keepAlive ? "keep-alive" : "close") : "upgrade",
    dropNames: NOT_FOR_THE_ORIGIN,
    // A second policy narrows the service's own one; it loosens nothing.
    add: [field("Content-Security-Policy", SANDBOX), field("X-Content-Type-Options", "nosniff")],
    edit: (each) => (each.lower === "location" ? field("Location", placeOf(each.value, path, host)) : each),
  });
}

/** A path of the service as it is found here, also where the service wrote the host out that it was asked by. */
function placeOf(location: string, path: ServicePath, host: string): string {
  const [, asked, rest = ""] = /^(?:https?:\/\/([^/?#]*))?(\/(?!\/).*)?$/i.exec(location) ?? [];
  const isOwn = asked === undefined ? rest !== "" : asked.toLowerCase() === host.toLowerCase();
  return isOwn ? servicePath(path) + rest.slice(1) : location;
}
