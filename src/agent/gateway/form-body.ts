// Reads the small form that our own pages post: one field or two, a few kilobytes, of a length told before.

import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { firstValue } from "./share-target.ts";

const FORM_MAX_BYTES = 8 * 1024;

/**
 * Calls `done` once: with the form, or with undefined when it is none. Not called when the visitor leaves.
 * Returns who is to be told of the request meanwhile.
 */
export function readForm(
  exchange: Exchange,
  done: (form: URLSearchParams | undefined) => void,
): ExchangeEvents {
  const { framing, fields } = exchange.request;
  const type = firstValue(fields, "content-type")?.toLowerCase() ?? "";
  const fits = framing.kind === "length" && framing.length <= FORM_MAX_BYTES;
  if (!fits || !type.startsWith("application/x-www-form-urlencoded")) {
    done(undefined);
    return NOTHING;
  }
  const bytes = new Uint8Array(framing.length);
  let length = 0;
  return {
    ...NOTHING,
    body(part) {
      bytes.set(part, length);
      length += part.length;
    },
    bodyEnd() {
      const text = fromUtf8(bytes);
      done(text === undefined ? undefined : new URLSearchParams(text));
    },
  };
}

const NOTHING: ExchangeEvents = { body() {}, bodyEnd() {}, writable() {}, rawEnd() {}, aborted() {} };
