// `/p/ID/…`: public pages at the hub's own hosts, for a hub that has no names to give to shares. All of them
// share one origin, so each is shut in a sandbox and gets none of that origin's cookies.
import { field, type Field } from "../../http1/field.ts";
import { forwardedResponse } from "../../http1/forward.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import type { ResponseHead } from "../../http1/response-head.ts";
import { serializeResponse } from "../../http1/serialize.ts";
import { AnswerHead } from "./answer-head.ts";
import { NOT_FOR_THE_ORIGIN } from "./shared-origin.ts";

export interface PagePath {
  shareId: string;
  /** What the page's own device is asked; "" where the slash behind the id is missing. */
  target: string;
  /** The whole path with that slash. */
  whole: string;
}

/** Undefined for a target that is not below `/p/`. */
export function pagePath(target: string): PagePath | undefined {
  const [, shareId, rest = ""] = /^\/p\/([A-Za-z0-9_-]{1,64})((?:[/?].*)?)$/.exec(target) ?? [];
  if (shareId === undefined) return undefined;
  const whole = `/p/${shareId}${rest.startsWith("/") ? "" : "/"}${rest}`;
  return { shareId, target: rest.startsWith("/") ? rest : "", whole };
}

/** The request as the page's device gets it. What a browser keeps for the hub's own host stays here. */
export function pageRequest(request: RequestHead, { target }: PagePath): RequestHead {
  const fields = request.fields.filter(({ lower }) => !KEPT_HERE.has(lower));
  return { ...request, target, fields, upgrade: undefined };
}

/** For the answer to `request`. */
export function pageAnswer(request: RequestHead, { shareId }: PagePath): AnswerHead {
  return new AnswerHead(request, (head) => serializeResponse(head, answerFields(head, `/p/${shareId}`)));
}

export const PAGE_SANDBOX = "sandbox allow-scripts allow-forms allow-popups";

function answerFields(head: ResponseHead, place: string): Field[] {
  return forwardedResponse(head, {
    connection: head.keepAlive ? "keep-alive" : "close",
    dropNames: NOT_FOR_THE_ORIGIN,
    // A second policy narrows the page's own one; it loosens nothing.
    add: [field("Content-Security-Policy", PAGE_SANDBOX), field("X-Content-Type-Options", "nosniff")],
    edit: (each) =>
      each.lower === "location" && /^\/(?!\/)/.test(each.value)
        ? field("Location", place + each.value)
        : each,
  });
}

const KEPT_HERE: ReadonlySet<string> = new Set(["cookie", "authorization", "upgrade"]);
