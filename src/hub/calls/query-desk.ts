// Queries of proven sessions and of the hub's own API: which devices are asked, and how many queries run at once. The
// hub carries a controller's signature on and does not judge it; each device does.
import { MusterError } from "../../protocol/errors.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { rootsOf } from "../../protocol/actors.ts";
import { demand } from "../../protocol/permissions.ts";
import {
  aggregateQuery,
  QUERY_WAIT_MS,
  type AggregateQuery,
  type QueryLocal,
  type QueryReply,
  type QueryType,
} from "../../protocol/query-messages.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Timers } from "../../world/world.ts";
import type { Offered } from "../devices/offers.ts";
import type { Session } from "../sessions/session.ts";
import type { Candidate, CandidateParts } from "./candidates.ts";
import { namedDevice } from "./named-device.ts";
import { shown } from "./shown.ts";
import { CallStreams } from "./call-stream.ts";
import { QueryRun, type QueryEvents } from "./query-run.ts";

export interface QueryDeskParts extends Pick<CandidateParts, "devices" | "directory"> {
  timers: Timers;
  offers: { of(deviceId: string): Pick<Offered, "capabilities" | "queries"> };
}

/** Of the devices of these owners. Throws a refusal for which nobody was asked. */
export interface QueryAsker {
  ask(
    ownerRoots: readonly string[],
    query: AggregateQuery,
    events: QueryEvents,
  ): Pick<QueryRun, "resume" | "cancel">;
  /** Keys of the devices that are meant, base64url. Throws `not_found`. */
  keysOf(ownerRoots: readonly string[], references: readonly string[]): string[];
}

/** Of one session at once. */
const PER_SESSION_MAX = 16;

/** Who can answer: whoever offers this. `Custom` ones name themselves. */
const ANSWERED_BY: Readonly<Record<Exclude<QueryType, "Custom">, string>> = {
  ListTasks: "tasks",
  GetTaskStats: "tasks",
  SearchTasks: "tasks",
  SearchKnowledgebase: "knowledgebase",
};

export class QueryDesk {
  readonly #parts: QueryDeskParts;
  readonly #streams: CallStreams<AggregateQuery, QueryReply>;

  constructor(parts: QueryDeskParts) {
    this.#parts = parts;
    this.#streams = new CallStreams<AggregateQuery, QueryReply>(parts.timers, {
      request: aggregateQuery,
      refused: ({ query_id }, error) => ({ type: "aggregate_query_refused", query_id, error }),
      sessionMax: PER_SESSION_MAX,
    });
  }

  /** A stream of JSON lines that `session` opened: one query, then what is answered. */
  open(session: Session, stream: TrunkStream): TrunkStreamEvents {
    return this.#streams.open(session, stream, (query, events) => {
      const roots = query.signed === undefined ? rootsOf(session.actor) : [query.signed.log];
      for (const root of roots) demand(session.actor, "fleet.ask", { kind: "owner", root });
      if (roots.length === 0) demand(session.actor, "fleet.ask", undefined);
      return this.ask(roots, query, events);
    });
  }

  /** Keys of the devices that are meant, base64url. Throws `not_found`. */
  keysOf(ownerRoots: readonly string[], references: readonly string[]): string[] {
    const rows = this.#rows(ownerRoots);
    return references.map((reference) => {
      const row = namedDevice(rows, reference);
      if (row !== undefined) return toBase64Url(row.public_key);
      throw new MusterError("not_found", `there is no device "${reference}"`);
    });
  }

  /** Of the devices of these owners. Throws a refusal for which nobody was asked. */
  ask(ownerRoots: readonly string[], query: AggregateQuery, events: QueryEvents): QueryRun {
    const meant = query.devices === undefined ? undefined : new Set(query.devices);
    const rows = this.#rows(ownerRoots);
    const wanted = rows.filter((row) => meant?.has(toBase64Url(row.public_key)) ?? true);
    const asked = wanted.filter((row) => this.#canAnswer(row.device_id, query));
    if (asked.length === 0 && query.query_type === "Custom") throw this.#unknown(query, rows);
    const expected: Candidate[] = [];
    const failed: Record<string, string> = {};
    const offline: Record<string, string | null> = {};
    // Who was named has to be told of; of all others nobody expects an answer.
    for (const { name } of meant === undefined ? [] : wanted.filter((row) => !asked.includes(row))) {
      failed[name] = `does not offer ${whatAnswers(query)}`;
    }
    for (const { device_id: id, name, last_seen: lastSeen } of asked) {
      const session = this.#parts.directory.device(id);
      if (session !== undefined && !session.leaving) expected.push({ id, name, session });
      else offline[name] = lastSeen === null ? null : new Date(lastSeen).toISOString();
    }
    return new QueryRun(
      {
        timers: this.#parts.timers,
        query: localOf(query),
        timeoutMs: waitMsOf(query),
        expected,
        failed,
        offline,
      },
      events,
    );
  }

  #rows(ownerRoots: readonly string[]): DeviceRow[] {
    return this.#parts.devices
      .commandedBy(ownerRoots)
      .filter((row) => row.revoked_at === null && row.confirmed === 1);
  }

  /** With the queries that there are: those of every device, and those that some have, and where. */
  #unknown({ query_name: name = "" }: AggregateQuery, rows: readonly DeviceRow[]): MusterError {
    const known = new Map<string, string[]>();
    for (const row of rows) {
      for (const one of this.#parts.offers.of(row.device_id).queries) {
        known.set(one, [...(known.get(one) ?? []), row.name]);
      }
    }
    const each = [...known].toSorted(([one], [other]) => (one < other ? -1 : 1));
    const some = each.map(([one, names]) => `${one} (${shown(names)})`);
    return new MusterError("no_device", `no device that was asked answers the query "${name}"`, {
      hint: `there are: ${[...(some.length === 0 ? [] : [shown(some)]), ...Object.keys(ANSWERED_BY)].join(", ")}`,
    });
  }

  #canAnswer(deviceId: string, { query_type: type, query_name: name }: AggregateQuery): boolean {
    const { capabilities, queries } = this.#parts.offers.of(deviceId);
    if (type === "Custom") return name !== undefined && queries.includes(name);
    return capabilities.some(({ protocol }) => protocol === ANSWERED_BY[type]);
  }
}

function whatAnswers({ query_type: type, query_name: name = "" }: AggregateQuery): string {
  return type === "Custom" ? `the query "${name}"` : ANSWERED_BY[type];
}

function waitMsOf({ timeout_ms }: AggregateQuery): number {
  return timeout_ms ?? QUERY_WAIT_MS;
}

/** What a device needs of it. */
function localOf(query: AggregateQuery): QueryLocal {
  const { query_id, query_type, query_name, params, devices, signed } = query;
  return {
    type: "query_local",
    query_id,
    query_type,
    params,
    timeout_ms: waitMsOf(query),
    ...(query_name === undefined ? {} : { query_name }),
    ...(devices === undefined ? {} : { devices }),
    ...(signed === undefined ? {} : { signed }),
  };
}
