// Queries that the hub hands on. What a controller signed is answered in full, by this device's own copy of the owner
// log; what nobody signed gets no more than this device lets the hub see by itself.
import { signerOfQuery } from "../../identity/query-request.ts";
import type { Crypto } from "../../identity/crypto.ts";
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import {
  QUERY_PART_MAX_BYTES,
  queryLocal,
  type QueryLocal,
  type QueryType,
} from "../../protocol/query-messages.ts";
import { LINE_MAX_BYTES, LineBudget, LineStream, type LineStreamEvents } from "../../trunk/line-stream.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Clock } from "../../world/world.ts";
import { AnsweredOnce } from "../answered-once.ts";
import type { ObeyedLogs } from "../obeyed-logs.ts";

/** What the hub may ask of this device by itself. */
export type HubPolicy = "nothing" | "lists" | "compute";

/** How much an asker sees: titles, states and times, or all. */
export type Sight = "lists" | "all";

/** Takes the params as they were read, and throws `MusterError` for what they lack. `waitMs`: so long the asker waits. */
export type Answerer = (params: unknown, sight: Sight, waitMs?: number) => Promise<unknown>;

export interface QueryDeskParts {
  clock: Clock;
  crypto: Pick<Crypto, "sha256" | "verifyEd25519">;
  /** This device's own. */
  publicKey: Uint8Array;
  logs: Pick<ObeyedLogs, "of">;
  policy: HubPolicy;
  find(type: QueryType, name: string | undefined): Answerer | undefined;
}

const RUNNING_MAX = 64;
/** What an unsigned query may ask for, and gets without logs and outputs. */
const LISTS: ReadonlySet<QueryType> = new Set(["ListTasks", "GetTaskStats"]);
const UNSAID_MAX_BYTES = 16 * LINE_MAX_BYTES;
const REASON_MAX_CHARACTERS = 500;

export class QueryDesk {
  readonly #parts: QueryDeskParts;
  readonly #answered: AnsweredOnce;
  /** Of what the hub begins to say and does not end. */
  readonly #unsaid = new LineBudget(UNSAID_MAX_BYTES);
  #running = 0;

  constructor(parts: QueryDeskParts) {
    this.#parts = parts;
    this.#answered = new AnsweredOnce(parts.clock);
  }

  /** A stream of JSON lines that the hub opened: one query, then this device's part of the answer. */
  open(stream: TrunkStream): TrunkStreamEvents {
    let hasAsked = false;
    const events: LineStreamEvents = {
      message: (value) => {
        const read = queryLocal.safeParse(value);
        if (hasAsked || !read.success) return lines.close();
        hasAsked = true;
        void this.#answer(read.data, lines);
      },
    };
    const lines = new LineStream(events, { budget: this.#unsaid });
    lines.attach(stream);
    return lines.streamEvents;
  }

  async #answer(query: QueryLocal, lines: LineStream): Promise<void> {
    try {
      const sight = this.#sightOf(query);
      const answerer = this.#parts.find(query.query_type, query.query_name);
      if (answerer === undefined) throw new MusterError("not_found", "this device does not answer that");
      if (this.#running >= RUNNING_MAX) throw new MusterError("too_many", "this device has too much to do");
      this.#running += 1;
      try {
        const data = JSON.stringify((await answerer(paramsIn(query), sight, query.timeout_ms)) ?? null);
        if (utf8(data).length > QUERY_PART_MAX_BYTES) {
          throw new MusterError("too_large", "the answer is too long: ask for less at once");
        }
        lines.send({ type: "query_part", data, is_final: true });
      } finally {
        this.#running -= 1;
      }
    } catch (error) {
      const reason = publicError(error).message.slice(0, REASON_MAX_CHARACTERS);
      lines.send({ type: "query_failed", reason });
    }
    lines.end();
  }

  #sightOf(query: QueryLocal): Sight {
    const { policy } = this.#parts;
    if (query.signed !== undefined) return this.#checkSignature(query, query.signed.log);
    if (policy === "nothing")
      throw new MusterError("forbidden", "this device answers only what a controller signs");
    if (!LISTS.has(query.query_type)) {
      throw new MusterError("forbidden", "it shows what a device holds to controllers alone");
    }
    return "lists";
  }

  #checkSignature(query: QueryLocal, log: string): "all" {
    const { logs, crypto, clock, publicKey } = this.#parts;
    const book = logs.of(log);
    const key = book === undefined ? undefined : signerOfQuery(crypto, query);
    if (key === undefined) throw new MusterError("bad_signature", "the query is not signed by who it says");
    const refusal = book?.refusal();
    if (refusal !== undefined) throw refusal;
    if (book?.log?.mayCommand(key, clock.now()) !== true) {
      throw new MusterError("forbidden", "the key that signed this may not command this device");
    }
    if (query.devices !== undefined && !query.devices.includes(toBase64Url(publicKey))) {
      throw new MusterError("wrong_recipient", "the query is meant for other devices");
    }
    const signer = toBase64Url(key);
    this.#answered.check(signer, query.query_id);
    this.#answered.take(signer, query.query_id);
    return "all";
  }
}

function paramsIn({ params }: QueryLocal): unknown {
  try {
    return JSON.parse(params);
  } catch {
    throw new MusterError("invalid", "the params of a query are no JSON");
  }
}
