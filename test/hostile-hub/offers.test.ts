// A hub run by an enemy, between those who ask and a device that offers something of each class. It makes the device do
// nothing that nobody signed, but for what computes where the device lets it ask; it shows itself no more than lists, and
// what it makes up as an answer stays an answer.
import { describe, expect, test } from "bun:test";
import { askCapability } from "../../src/client/calls/ask-capability.ts";
import { CallDesk, type OfferRules } from "../../src/agent/capabilities/call-desk.ts";
import { CapabilityBook } from "../../src/agent/capabilities/capability-book.ts";
import type { Capability } from "../../src/agent/capabilities/capability.ts";
import { knownLogs } from "../../src/agent/obeyed-logs.fixture.ts";
import { QueryDesk, type HubPolicy } from "../../src/agent/queries/query-desk.ts";
import { makeApiKey } from "../../src/identity/api-key.ts";
import { signCapabilityRequest } from "../../src/identity/capability-request.ts";
import type { Signer } from "../../src/identity/crypto.ts";
import { appendEntry, extendLog } from "../../src/identity/owner-log.ts";
import {
  begun,
  controller,
  crypto,
  forge,
  home,
  laptop,
  member,
  newSigner,
  NOW,
} from "../../src/identity/owner-log.fixture.ts";
import { rejection, refusal } from "../../src/identity/refusal.fixture.ts";
import { signQuery } from "../../src/identity/query-request.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { canonicalJson } from "../../src/protocol/canonical-json.ts";
import { SILENT_LOG } from "../../src/protocol/log.ts";
import { QUERY_TYPES, type QueryType } from "../../src/protocol/query-messages.ts";
import { uuidV7 } from "../../src/protocol/uuid.ts";
import { LineStream } from "../../src/trunk/line-stream.ts";
import { FakeTime, pipe } from "../../src/trunk/testing.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../src/trunk/stream.ts";

const pi = newSigner();
const hub = newSigner();
const { text: programKey, signer: program } = makeApiKey(crypto);
const grant = {
  public_key: toBase64Url(program.publicKey),
  name: "editor",
  holder: "program",
  scopes: ["capabilities"],
  capabilities: ["x.compute"],
  devices: null,
  until: null,
} as const;

let log = await appendEntry(crypto, begun, { kind: "controller", body: controller(laptop), signer: home });
log = await appendEntry(crypto, log, { kind: "member", body: member(pi), signer: home });
const body = { ...grant, scopes: [...grant.scopes], capabilities: [...grant.capabilities] };
log = await appendEntry(crypto, log, { kind: "key", body, signer: home });
const ROOT = toBase64Url(log.id);
const logs = await knownLogs(log, home.publicKey);

const CLASSES = ["compute", "read", "control"] as const;
const clock = { now: () => NOW, monotonic: () => 0 };

/** The desks of a device as they are, with a capability of each class and an answer to each query. */
function device(policy: HubPolicy = "lists", rules: OfferRules = {}) {
  const time = new FakeTime();
  const done: string[] = [];
  const book = new CapabilityBook({
    timers: time,
    hub: {
      state: { at: "connecting" },
      request: () => Promise.reject(new Error("it is not asked")),
    } as unknown as ConstructorParameters<typeof CapabilityBook>[0]["hub"], // of a device that is away
    log: SILENT_LOG,
    disabled: [],
  });
  const answerer = (name: string) => async (_: unknown, sight: string) => {
    done.push(`${name} ${sight}`);
    return sight;
  };
  book.add({
    capabilities: CLASSES.map((kind): Capability => ({
      offer: { protocol: `x.${kind}`, version: "1.0.0", class: kind },
      audience: "members",
      call(_, answer) {
        done.push(`x.${kind}`);
        answer.done(1);
        return { resume() {}, cancel() {} };
      },
    })),
    answers: Object.fromEntries(QUERY_TYPES.map((type) => [type, answerer(type)])),
    queries: { Notes: answerer("Notes") },
  });
  const parts = { clock, crypto, publicKey: home.publicKey, logs };
  const calls = new CallDesk({ ...parts, ownerRoot: ROOT, capabilities: book, rules, policy });
  const queries = new QueryDesk({ ...parts, policy, find: (type, name) => book.answerer(type, name) });
  const tell = async (
    desk: { open(stream: TrunkStream): TrunkStreamEvents },
    message: object,
  ): Promise<string> => {
    const [near, far] = pipe(time);
    const heard: string[] = [];
    const lines = new LineStream({
      message: (value) => heard.push((value as { type: string }).type), // what the test looks at
      close: () => heard.push("closed"),
    });
    near.events = lines.streamEvents as typeof near.events; // a pipe has no last words
    lines.attach(near);
    far.events = desk.open(far as unknown as TrunkStream) as typeof far.events; // a desk needs a byte stream alone
    lines.send(message);
    for (let turn = 0; turn < 10; turn++) {
      time.settle();
      await Promise.resolve();
    }
    return heard.join(" ");
  };
  return {
    done,
    call: (message: object) => tell(calls, message),
    query: (message: object) => tell(queries, message),
  };
}

let count = 0;
const newId = (at = NOW): string =>
  uuidV7(
    at,
    new Uint8Array(10).map((_, index) => ++count >> (8 * index)),
  );

async function asked(signer: Signer, change: { protocol?: string; requestId?: string } = {}) {
  const { protocol = "x.compute", requestId = newId() } = change;
  const wish = { log: ROOT, requestId, capability: { protocol, version: "1.0.0" }, payload: "{}" };
  const request = await signCapabilityRequest(wish, crypto, signer);
  return { ...request, caller: toBase64Url(signer.publicKey) };
}

async function queried(type: QueryType, signer?: Signer) {
  const wish = {
    log: ROOT,
    queryId: newId(),
    type,
    name: type === "Custom" ? "Notes" : undefined,
    params: "{}",
  };
  return {
    type: "query_local",
    query_id: wish.queryId,
    query_type: type,
    ...(wish.name === undefined ? {} : { query_name: wish.name }),
    params: wish.params,
    ...(signer === undefined ? {} : { signed: await signQuery(wish, crypto, signer) }),
  };
}

describe("what nobody signed", () => {
  test.each(["nothing", "lists", "compute"] as const)(
    "does nothing of any class, whoever it is said to be from: %s",
    async (policy) => {
      const { call, done } = device(policy);
      for (const kind of CLASSES) {
        const made = await asked(hub, { protocol: `x.${kind}` });
        for (const caller of [hub, home, laptop, pi, program].map(({ publicKey }) =>
          toBase64Url(publicKey),
        )) {
          expect(await call({ ...made, caller })).toBe("capability_refused");
        }
        expect(await call({ ...made, signature: toBase64Url(new Uint8Array(64)) })).toBe(
          "capability_refused",
        );
      }
      expect(done).toEqual([]);
    },
  );

  test("computes, without any name, where the device lets the hub ask for that, and nothing that [offer] narrows", async () => {
    const narrowed: OfferRules[] = ["controllers" as const, ["pi"], ["hub"], []].map((word) => ({
      "x.compute": word,
    }));
    const widened: OfferRules = { "x.read": "members", "x.control": "members" };
    for (const [policy, rules, shown] of [
      ["compute", {}, ["x.compute"]],
      ["compute", widened, ["x.compute"]],
      ...narrowed.map((rules) => ["compute", rules, []] as const),
      ["lists", widened, []],
      ["nothing", widened, []],
    ] as const) {
      const { call, done } = device(policy, rules);
      for (const kind of CLASSES) {
        const { signature: _, caller: __, ...bare } = await asked(hub, { protocol: `x.${kind}` });
        const isServed = shown.some((protocol) => protocol === `x.${kind}`);
        expect(await call(bare)).toBe(isServed ? "capability_response" : "capability_refused");
        for (const log of [newSigner().publicKey, hub.publicKey].map(toBase64Url)) {
          expect(await call({ ...bare, request_id: newId(), log })).toBe("capability_refused");
        }
      }
      expect(done).toEqual([...shown]);
    }
  });

  test("shows lists of tasks and their sums, and no more; nothing where the device says so", async () => {
    for (const [policy, shown] of [
      ["lists", ["ListTasks lists", "GetTaskStats lists"]],
      ["compute", ["ListTasks lists", "GetTaskStats lists"]],
      ["nothing", []],
    ] as const) {
      const { query, done } = device(policy);
      for (const type of QUERY_TYPES) {
        await query(await queried(type));
        expect(await query(await queried(type, hub))).toBe("query_failed");
      }
      expect(done).toEqual([...shown]);
    }
  });
});

test("a signed request does what its class and its signer's right allow, once, and nothing else", async () => {
  const { call, done } = device();
  for (const kind of ["read", "control"] as const) {
    for (const signer of [home, laptop, pi, program]) {
      expect(await call(await asked(signer, { protocol: `x.${kind}` }))).toBe("capability_refused");
    }
  }
  expect(done).toEqual([]);
  const request = await asked(pi);
  for (const change of [
    { capability: { protocol: "x.control", version: "1.0.0" } },
    { payload: '{"more":1}' },
    { log: toBase64Url(crypto.randomBytes(32)) },
    { request_id: newId() },
    { caller: toBase64Url(laptop.publicKey) },
  ]) {
    expect(await call({ ...request, ...change })).toBe("capability_refused");
  }
  expect(await call(request)).toBe("capability_response");
  expect(await call(request)).toBe("capability_refused");
  expect(await call(await asked(program))).toBe("capability_response");
  expect(done).toEqual(["x.compute", "x.compute"]);
});

test("one that was kept is worth nothing later, and none is that is dated ahead", async () => {
  const { call, done } = device();
  for (const at of [NOW - 11 * 60_000, NOW + 11 * 60_000, 0]) {
    expect(await call(await asked(pi, { requestId: newId(at) }))).toBe("capability_refused");
  }
  expect(done).toEqual([]);
});

test("a query that a member, a program or a stranger signed is answered with nothing", async () => {
  const { query, done } = device();
  for (const type of QUERY_TYPES) {
    for (const signer of [pi, program, newSigner()])
      expect(await query(await queried(type, signer))).toBe("query_failed");
  }
  expect(done).toEqual([]);
  for (const type of QUERY_TYPES) expect(await query(await queried(type, laptop))).toBe("query_part");
  expect(done).toHaveLength(QUERY_TYPES.length);
});

test("a message in the place of another ends its stream", async () => {
  const { call, query, done } = device();
  expect(await call(await queried("ListTasks", laptop))).toBe("closed");
  expect(await query(await asked(laptop))).toBe("closed");
  expect(await call({ type: "capability_request", caller: "x" })).toBe("closed");
  expect(done).toEqual([]);
});

test("a key that the hub invents, or gives a wider right, is in no log", async () => {
  const invented = { ...grant, public_key: toBase64Url(hub.publicKey), capabilities: null };
  for (const signer of [hub, pi, program]) {
    const entry = await forge(log, { kind: "key", body: canonicalJson(invented), signer });
    expect(refusal(() => extendLog(crypto, log, [entry]))).toStartWith("owner_log_invalid");
  }
  const wider = await forge(log, {
    kind: "key",
    body: canonicalJson({ ...grant, capabilities: null }),
    signer: home,
  });
  const [changed] = [{ ...wider, signature: toBase64Url(new Uint8Array(64)) }];
  expect(refusal(() => extendLog(crypto, log, [changed]))).toStartWith("owner_log_invalid");
  expect(programKey.reveal()).toStartWith("mk1_");
});

describe("what the hub says in the place of an answer", () => {
  const reply = (change: object) => ({
    type: "capability_part",
    request_id: "",
    from_device: "gpu",
    data: "1",
    ...change,
  });
  const response = (change: object = {}) =>
    reply({ type: "capability_response", data: undefined, payload: "1", ...change });

  /** Asks through a hub that says these to whatever it is asked. */
  async function answers(
    lies: (requestId: string) => (object | string)[],
  ): Promise<{ parts: number; end: string }> {
    const time = new FakeTime();
    const [near, far] = pipe(time);
    const asker = {
      clock,
      random: { bytes: (length: number) => crypto.randomBytes(length) },
      crypto,
      signer: laptop,
      hub: {
        openStream(_: Uint8Array, events: TrunkStreamEvents) {
          near.events = events as typeof near.events; // a pipe has no last words
          far.events = {
            data(bytes) {
              const { request_id } = JSON.parse(new TextDecoder().decode(bytes)) as { request_id: string };
              const said = lies(request_id).map(
                (one) => `${typeof one === "string" ? one : JSON.stringify(one)}\n`,
              );
              far.write(new TextEncoder().encode(said.join("")));
            },
            drain() {},
            end() {},
            close() {},
          };
          return near as unknown as TrunkStream; // what is used of one
        },
      },
      ownerRoot: ROOT,
    };
    const question = { capability: { protocol: "x.compute", version: "1.0.0" }, payload: "{}" };
    const run = askCapability(asker, question, new AbortController().signal);
    let parts = 0;
    const heard = (async () => {
      for await (const one of run) {
        if (one.type === "capability_part") parts += 1;
        else return one.error?.code ?? "answered";
      }
      return "no end";
    })();
    const ended = rejection(heard).then(async (why) => (why === "none" ? heard : (why.split(":")[0] ?? why)));
    for (let turn = 0; turn < 50; turn++) {
      time.settle();
      await Promise.resolve();
    }
    const end = await ended;
    return { parts, end };
  }

  test("answers this request alone, in its form, or is refused as such", async () => {
    const deep = "[".repeat(40) + "]".repeat(40);
    const cases: [string, (id: string) => (object | string)[]][] = [
      ["answered", (id) => [response({ request_id: id })]],
      ["protocol_error", () => [response({ request_id: newId() })]],
      ["protocol_error", (id) => [{ type: "query_part", request_id: id }]],
      ["protocol_error", () => ["7"]],
      ["protocol_error", () => ["no JSON"]],
      ["protocol_error", () => [`{"a":${deep}}`]],
      [
        "internal",
        (id) => [response({ request_id: id, payload: undefined, error: { code: "made_up", message: "x" } })],
      ],
      [
        "protocol_error",
        (id) => [
          response({
            request_id: id,
            payload: undefined,
            error: { code: "internal", message: "x".repeat(5000) },
          }),
        ],
      ],
      ["protocol_error", (id) => [response({ request_id: id, from_device: "n".repeat(100) })]],
    ];
    for (const [expected, lies] of cases)
      expect([lies.toString(), (await answers(lies)).end]).toEqual([lies.toString(), expected]);
  });

  test("may be many parts, of which nothing comes after the end", async () => {
    const { parts, end } = await answers((id) => [
      ...Array.from({ length: 20 }, () => reply({ request_id: id })),
      response({ request_id: id }),
      reply({ request_id: id }),
      "garbage",
    ]);
    expect({ parts, end }).toEqual({ parts: 20, end: "answered" });
  });
});
