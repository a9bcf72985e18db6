// Why a head or a body was not accepted. A refusal is a value, never an exception: refusing is this room's
// daily work. After any of them the connection's framing is lost, so whoever answers also closes.

/** Reason → the status a visitor gets. For an app's response the reason alone counts (the visitor gets 502). */
export const REFUSALS = {
  // The shape of the head.
  bare_line_break: 400,
  control_character: 400,
  head_too_large: 431,
  too_many_fields: 431,
  obs_fold: 400,
  space_before_colon: 400,
  bad_field: 400,
  // The request line.
  bad_request_line: 400,
  target_too_long: 414,
  target_not_origin_form: 400,
  bad_target: 400,
  method_refused: 400,
  method_unknown: 405,
  version_unknown: 505,
  // The status line.
  bad_status_line: 400,
  // Host.
  host_missing: 400,
  host_repeated: 400,
  bad_host: 400,
  // Framing.
  bad_content_length: 400,
  content_length_repeated: 400,
  content_length_too_large: 413,
  bad_transfer_encoding: 400,
  transfer_encoding_on_http10: 400,
  conflicting_framing: 400,
  bad_chunk: 400,
  bad_trailer: 400,
  trailers_too_large: 431,
  // The rest.
  bad_connection: 400,
  bad_upgrade: 400,
  upgrade_bytes_too_many: 400,
  expectation_unknown: 417,
  head_too_slow: 408,
  body_too_slow: 408,
  body_cut: 400,
} as const satisfies Record<string, number>;

export type RefusalReason = keyof typeof REFUSALS;
export type RefusalStatus = (typeof REFUSALS)[RefusalReason];

export interface Refusal {
  readonly kind: "refused";
  readonly status: RefusalStatus;
  readonly reason: RefusalReason;
}

export function refusal(reason: RefusalReason): Refusal {
  return { kind: "refused", status: REFUSALS[reason], reason };
}
