// The fake's DNS calls: /zones/{zone}/dns_records…

import { ok, page, recordBody, refuse, type Reply } from "./answers.ts";
import type { FakeRecord, FakeState } from "./state.ts";

export interface DnsCall {
  state: FakeState;
  zoneName: string;
  method: string;
  /** Behind /dns_records. */
  parts: string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
  now: string;
}

/** Types of which only one may have a name, and no other type of these beside it. */
const ADDRESSES = ["A", "AAAA", "CNAME"];
const COMMENT_MAX = 100;

export function answerDnsCall(call: DnsCall): Reply {
  const { state, method, parts } = call;
  const [id] = parts;
  if (id === undefined) {
    if (method === "POST") return create(call);
    return method === "GET" ? list(call) : refuse(404, 7003, "No route for the URI");
  }
  const record = state.records.get(id);
  if (record === undefined) return refuse(404, 81044, "Record does not exist.");
  if (method === "GET") return ok(recordBody(record));
  if (method !== "DELETE") return refuse(404, 7003, "No route for the URI");
  state.records.delete(id);
  return ok({ id });
}

function create({ state, zoneName, body, now }: DnsCall): Reply {
  const { type, name, content, proxied, ttl, comment } = body;
  if (typeof type !== "string" || typeof name !== "string" || typeof content !== "string") {
    return refuse(400, 1004, "DNS Validation Error");
  }
  const given = name.toLowerCase();
  // As the real one: what is not in the zone is put below it.
  const full = given === zoneName || given.endsWith(`.${zoneName}`) ? given : `${given}.${zoneName}`;
  if (typeof comment === "string" && comment.length > COMMENT_MAX) {
    return refuse(400, 9221, "The comment is too long");
  }
  const there = [...state.records.values()].filter((one) => one.name === full);
  if (there.some((one) => one.type === type && one.content === content)) {
    return refuse(400, 81058, "An identical record already exists.");
  }
  if (ADDRESSES.includes(type) && there.some((one) => ADDRESSES.includes(one.type))) {
    return refuse(400, 81053, "An A, AAAA, or CNAME record with that host already exists.");
  }
  const record: FakeRecord = {
    id: state.newRecordId(),
    type,
    name: full,
    content,
    proxied: proxied === true,
    ttl: typeof ttl === "number" ? ttl : 1,
    comment: typeof comment === "string" ? comment : null,
    createdOn: now,
  };
  state.records.set(record.id, record);
  return ok(recordBody(record));
}

function list({ state, query }: DnsCall): Reply {
  const name = query.get("name") ?? query.get("name.exact");
  const type = query.get("type");
  const content = query.get("content");
  // Comment filters know no case, which is why nobody may rely on them alone.
  const comment = (query.get("comment.exact") ?? query.get("comment"))?.toLowerCase();
  const begins = query.get("comment.startswith")?.toLowerCase();
  const found = [...state.records.values()].filter(
    (record) =>
      (name === null || record.name === name.toLowerCase()) &&
      (type === null || record.type === type) &&
      (content === null || record.content === content) &&
      (comment === undefined || record.comment?.toLowerCase() === comment) &&
      (begins === undefined || (record.comment?.toLowerCase().startsWith(begins) ?? false)),
  );
  return page(found.map(recordBody), query, 100);
}
