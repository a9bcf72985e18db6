// How a body ends. NO_BODY and CHUNKED are single objects, so most messages allocate nothing for it.

export type RequestFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" };

/** A response may also simply end with its connection. */
export type ResponseFraming = RequestFraming | { readonly kind: "close" };

export const NO_BODY: RequestFraming & { kind: "none" } = { kind: "none" };
export const CHUNKED: RequestFraming & { kind: "chunked" } = { kind: "chunked" };
export const UNTIL_CLOSE: ResponseFraming & { kind: "close" } = { kind: "close" };

/** A length of zero, or of -1 for none at all, is no body. */
export function lengthFraming(length: number): RequestFraming {
  return length > 0 ? { kind: "length", length } : NO_BODY;
}
