// The one error class, and the one table that says what each code means to HTTP and to a shell.

/** A closed list: a code that is not here does not exist. */
export const ERROR_TABLE = {
  usage: { status: 400, exitCode: 2 },
  bad_request: { status: 400, exitCode: 1 },
  unauthorized: { status: 401, exitCode: 1 },
  forbidden: { status: 403, exitCode: 1 },
  not_found: { status: 404, exitCode: 1 },
  method_not_allowed: { status: 405, exitCode: 1 },
  conflict: { status: 409, exitCode: 1 },
  too_large: { status: 413, exitCode: 1 },
  invalid: { status: 422, exitCode: 1 },
  too_many: { status: 429, exitCode: 1 },
  internal: { status: 500, exitCode: 1 },
  app_refused: { status: 502, exitCode: 1 },
  app_broken: { status: 502, exitCode: 1 },
  device_offline: { status: 503, exitCode: 1 },
  unavailable: { status: 503, exitCode: 1 },
  app_timeout: { status: 504, exitCode: 1 },
  storage_full: { status: 507, exitCode: 1 },
  // Sessions and registration.
  superseded: { status: 409, exitCode: 1 },
  protocol_error: { status: 400, exitCode: 1 },
  unknown_message: { status: 400, exitCode: 1 },
  bad_signature: { status: 403, exitCode: 1 },
  token_invalid: { status: 403, exitCode: 1 },
  owner_log_forked: { status: 409, exitCode: 1 },
  owner_log_invalid: { status: 422, exitCode: 1 },
  // Pairing, sealed messages and sessions.
  pairing_failed: { status: 409, exitCode: 1 },
  /** A sealed record or message does not open: changed, replayed, out of order, or not from who it says. */
  seal_broken: { status: 400, exitCode: 1 },
  wrong_recipient: { status: 403, exitCode: 1 },
  receive_key_unknown: { status: 409, exitCode: 1 },
  receive_key_erased: { status: 409, exitCode: 1 },
  /** A sealed session stopped without the message that ends it. */
  session_cut: { status: 503, exitCode: 1 },
  // Capabilities.
  /** No device that the caller may use offers what was asked for. */
  no_device: { status: 503, exitCode: 1 },
  /** A device that serves a request went silent in it. */
  capability_timeout: { status: 504, exitCode: 1 },
  // This machine.
  agent_not_running: { status: 503, exitCode: 1 },
  agent_running: { status: 409, exitCode: 1 },
  hub_unreachable: { status: 503, exitCode: 1 },
  hub_insecure: { status: 400, exitCode: 1 },
  already_joined: { status: 409, exitCode: 1 },
  not_joined: { status: 409, exitCode: 1 },
  port_taken: { status: 409, exitCode: 1 },
  name_taken: { status: 409, exitCode: 1 },
  ambiguous: { status: 409, exitCode: 1 },
  state_unsafe: { status: 500, exitCode: 1 },
  state_corrupt: { status: 500, exitCode: 1 },
  state_newer: { status: 500, exitCode: 1 },
  app_failed: { status: 500, exitCode: 1 },
  upgrade_refused: { status: 409, exitCode: 1 },
  // Providers of links and machines.
  provider_refused: { status: 502, exitCode: 1 },
  provider_unreachable: { status: 503, exitCode: 1 },
  tunnel_reconfigured: { status: 409, exitCode: 1 },
} as const satisfies Record<string, { status: number; exitCode: number }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface ErrorDetails {
  hint?: string;
  cause?: unknown;
  upstream?: Upstream;
}

/** What a server behind a device adds to its refusal, in its own format's words. */
export interface Upstream {
  type?: string | undefined;
  code?: string | undefined;
  param?: string | undefined;
  /** When it wants to be asked again. */
  retry_after_s?: number | undefined;
}

/** A refusal that a person may read. Everything else is internal: logged whole, shown as "internal error". */
export class MusterError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly upstream: Upstream | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "MusterError";
    this.code = code;
    this.hint = details.hint;
    this.upstream = details.upstream;
  }

  get status(): number {
    return ERROR_TABLE[this.code].status;
  }

  get exitCode(): number {
    return ERROR_TABLE[this.code].exitCode;
  }

  /** The form that leaves the process: `{code, message, hint?, upstream?}`. */
  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.upstream === undefined ? {} : { upstream: this.upstream }),
    };
  }
}

export interface ErrorBody {
  code: ErrorCode;
  message: string;
  hint?: string;
  upstream?: Upstream;
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, text);
}

/** What may be shown of any thrown value: a MusterError as it is, all else as "internal error". */
export function publicError(thrown: unknown): MusterError {
  if (thrown instanceof MusterError) return thrown;
  return new MusterError("internal", "internal error", { cause: thrown });
}

/** The system's error code ("ENOENT", "ECONNREFUSED", …) of a thrown value, or "". */
export function systemCode(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return "";
  return typeof thrown.code === "string" ? thrown.code : "";
}
