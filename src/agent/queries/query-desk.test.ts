import { describe, expect, test } from "bun:test";
import { signQuery, type QueryWish } from "../../identity/query-request.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry } from "../../identity/owner-log.ts";
import {
  begun,
  controller,
  crypto,
  home,
  laptop,
  member,
  newSigner,
  NOW,
} from "../../identity/owner-log.fixture.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { QueryLocal } from "../../protocol/query-messages.ts";
import { LineStream } from "../../trunk/line-stream.ts";
import { FakeTime, pipe } from "../../trunk/testing.ts";
import type { TrunkStream } from "../../trunk/stream.ts";
import { knownLogs, sharedWith } from "../obeyed-logs.fixture.ts";
import { QueryDesk, type Answerer, type HubPolicy } from "./query-desk.ts";

const pi = newSigner();
let log = await appendEntry(crypto, begun, { kind: "controller", body: controller(laptop), signer: home });
log = await appendEntry(crypto, log, { kind: "member", body: member(pi), signer: home });
const ROOT = toBase64Url(log.id);

const own = await knownLogs(log, pi.publicKey);

function desk(
  answer: Answerer = async (params, sight) => ({ params, sight }),
  policy: HubPolicy = "lists",
  logs = own,
) {
  const time = new FakeTime();
  const made = new QueryDesk({
    clock: { now: () => NOW, monotonic: () => 0 },
    crypto,
    publicKey: pi.publicKey,
    logs,
    policy,
    find: (type, name) => (type === "Custom" && name !== "Notes" ? undefined : answer),
  });
  return async (query: object): Promise<unknown[]> => {
    const [near, far] = pipe(time);
    const heard: unknown[] = [];
    const lines = new LineStream({
      message: (value) => heard.push(value),
      close: () => heard.push("closed"),
    });
    near.events = lines.streamEvents as typeof near.events; // a pipe has no last words
    lines.attach(near);
    far.events = made.open(far as unknown as TrunkStream) as typeof far.events; // a desk needs a byte stream alone
    lines.send(query);
    for (let turn = 0; turn < 10; turn++) {
      time.settle();
      await Promise.resolve();
    }
    return heard;
  };
}

let count = 0;
function unsigned(change: Partial<QueryLocal> = {}): QueryLocal {
  count += 1;
  const query_id = uuidV7(NOW, new Uint8Array(10).fill(count));
  return { type: "query_local", query_id, query_type: "ListTasks", params: '{"limit":5}', ...change };
}

async function signedBy(signer: Signer, change: Partial<QueryLocal> = {}, by = ROOT): Promise<QueryLocal> {
  const query = unsigned(change);
  const { query_id: queryId, query_type: type, query_name: name, params, devices } = query;
  const wish: QueryWish = { log: by, queryId, type, name, params, devices };
  return { ...query, signed: await signQuery(wish, crypto, signer) };
}

const answered = (sight: string) => [
  { type: "query_part", data: JSON.stringify({ params: { limit: 5 }, sight }), is_final: true },
];
const failed = (reason: string) => [{ type: "query_failed", reason: expect.stringContaining(reason) }];

test("a controller's query is answered in full, an unsigned list without what it shows", async () => {
  expect(await desk()(await signedBy(laptop))).toEqual(answered("all"));
  expect(await desk()(unsigned())).toEqual(answered("lists"));
});

test.each(["SearchTasks", "SearchKnowledgebase"] as const)(
  "an unsigned %s is refused",
  async (query_type) => {
    expect(await desk()(unsigned({ query_type }))).toEqual(failed("to controllers alone"));
  },
);

test("a device that lets the hub ask nothing answers only what is signed", async () => {
  expect(await desk(undefined, "nothing")(unsigned())).toEqual(failed("only what a controller signs"));
  expect(await desk(undefined, "nothing")(await signedBy(laptop))).toEqual(answered("all"));
});

test.each([
  ["a member", pi, "may not command"],
  ["a stranger", newSigner(), "may not command"],
])("%s who signs gets nothing", async (_, signer, reason) => {
  expect(await desk()(await signedBy(signer))).toEqual(failed(reason));
});

test.each([
  ["other params", { params: '{"limit":500}' }],
  ["another type", { query_type: "SearchTasks" }],
  ["another id", { query_id: uuidV7(NOW, new Uint8Array(10)) }],
  ["other devices", { devices: [toBase64Url(pi.publicKey)] }],
] as const)("a hub that writes %s into a signed query is refused", async (_, change) => {
  const query = await signedBy(laptop);
  const changed = { ...query, ...change, ...("devices" in change ? { devices: [...change.devices] } : {}) };
  expect(await desk()(changed)).toEqual(failed("not signed"));
});

test("a query for other devices is not answered here", async () => {
  expect(await desk()(await signedBy(laptop, { devices: [toBase64Url(home.publicKey)] }))).toEqual(
    failed("other devices"),
  );
  const meant = await signedBy(laptop, { devices: [toBase64Url(pi.publicKey)] });
  expect(await desk()(meant)).toEqual(answered("all"));
});

test("whoever answers is told how long the hub waits", async () => {
  const ask = desk(async (params, sight, waitMs) => ({ params, sight: `${sight} within ${waitMs}` }));
  expect(await ask({ ...(await signedBy(laptop)), timeout_ms: 1500 })).toEqual(answered("all within 1500"));
});

test("a signed query is answered once", async () => {
  const ask = desk();
  const query = await signedBy(laptop);
  expect(await ask(query)).toEqual(answered("all"));
  expect(await ask(query)).toEqual(failed("answered already"));
});

test("a custom query is signed with its name, and one that nobody answers is said to be so", async () => {
  const notes = await signedBy(laptop, { query_type: "Custom", query_name: "Notes" });
  expect(await desk()(notes)).toEqual(answered("all"));
  expect(await desk()({ ...notes, query_name: "Other" })).toEqual(failed("not signed"));
  const other = await signedBy(laptop, { query_type: "Custom", query_name: "Other" });
  expect(await desk()(other)).toEqual(failed("does not answer"));
});

test("what fails, is too long or no JSON is a reason, and a fault shows none of its inside", async () => {
  const failing = desk(() => Promise.reject(new MusterError("invalid", "the limit is too high")));
  expect(await failing(await signedBy(laptop))).toEqual(failed("the limit is too high"));
  const faulty = desk(() => Promise.reject(new Error("/home/ada/secret")));
  expect(JSON.stringify(await faulty(await signedBy(laptop)))).not.toContain("ada");
  const long = desk(async () => "x".repeat(2 ** 20));
  expect(await long(await signedBy(laptop))).toEqual(failed("too long"));
  expect(await desk()(await signedBy(laptop, { params: "{x" }))).toEqual(failed("no JSON"));
});

test("what is no query ends the stream", async () => {
  expect(await desk()({ type: "query_local" })).toEqual(["closed"]);
});

describe("of an owner with whom this device is shared", () => {
  test("a controller is answered in full", async () => {
    const { logs, theirs, mate } = await sharedWith({ owner: log, admin: home, device: pi });
    const asking = signedBy(mate, {}, toBase64Url(theirs.id));
    expect(await desk(undefined, "lists", logs)(await asking)).toEqual(answered("all"));
  });

  test("nobody is answered by leave of another log than the one that has the key", async () => {
    const { logs, theirs, mate } = await sharedWith({ owner: log, admin: home, device: pi });
    const ask = desk(undefined, "lists", logs);
    expect(await ask(await signedBy(mate))).toEqual(failed("may not command"));
    expect(await ask(await signedBy(laptop, {}, toBase64Url(theirs.id)))).toEqual(failed("may not command"));
  });

  test("nobody is answered once it is over", async () => {
    const { ended, theirs, mate } = await sharedWith({ owner: log, admin: home, device: pi });
    const ask = desk(undefined, "lists", await knownLogs(ended, pi.publicKey, [theirs]));
    expect(await ask(await signedBy(mate, {}, toBase64Url(theirs.id)))).toEqual(failed("not signed"));
  });
});
