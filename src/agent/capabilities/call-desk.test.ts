import { describe, expect, test } from "bun:test";
import { signCapabilityRequest } from "../../identity/capability-request.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry } from "../../identity/owner-log.ts";
import { crypto, home, laptop, newSigner, NOW } from "../../identity/owner-log.fixture.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { CapabilityCall, SignedCapabilityCall } from "../../protocol/capability-messages.ts";
import type { EntryBody } from "../../protocol/owner-log.ts";
import { MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { sharedWith } from "../obeyed-logs.fixture.ts";
import type { OfferRules } from "./call-desk.ts";
import type { CallAnswer, CallRequest } from "./capability.ts";
import {
  pi,
  stranger,
  log,
  program,
  granted,
  withGrant,
  ROOT,
  chat,
  type Setting,
  desk,
  callBy,
  running,
  cutOff,
  refused,
} from "./call-desk.fixture.ts";

test("a member's signed request is served", async () => {
  const { heard } = desk().ask(await callBy(pi));
  expect(heard).toMatchObject([{ type: "capability_response", payload: '{"heard":{"text":"hi"}}' }]);
});

test("a key that the owner log does not name learns nothing of what is offered", async () => {
  const there = desk().ask(await callBy(stranger));
  const missing = desk().ask(await callBy(stranger, { capability: chat }));
  expect(there.heard).toMatchObject(refused("not_found"));
  expect(missing.heard).toEqual(there.heard);
});

test.each([
  ["another caller", { caller: toBase64Url(laptop.publicKey) }],
  ["another payload", { payload: '{"text":"rm"}' }],
  ["another capability", { capability: { ...chat, version: "1.0.1" } }],
  ["another request", { request_id: uuidV7(NOW, new Uint8Array(10)) }],
  ["another log", { log: toBase64Url(new Uint8Array(32)) }],
] as const)("a hub that writes %s into a signed request is refused", async (_, change) => {
  expect(desk().ask(await callBy(pi, change)).heard).toMatchObject(refused("bad_signature"));
});

test("a hub that sends a request a second time gets no second answer", async () => {
  const { ask } = desk();
  const call = await callBy(pi);
  expect(ask(call).heard).toMatchObject([{ type: "capability_response" }]);
  expect(ask(call).heard).toMatchObject(refused("conflict"));
});

test.each(["read", "control"] as const)("a %s capability is never served this way", async (kind) => {
  expect(desk({ class: kind }).ask(await callBy(laptop)).heard).toMatchObject(refused("not_found"));
});

test.each([
  ["controllers", "controllers", undefined, [true, false]],
  ["members", "members", undefined, [true, true]],
  ["what the device says instead", "members", "controllers", [true, false]],
  ["named devices", "controllers", ["pi"], [false, true]],
  ["devices by their ids", "controllers", [deviceIdOf(crypto.sha256(pi.publicKey))], [false, true]],
] as const)("it is for %s", async (_, audience, rule, [forLaptop, forPi]) => {
  const rules: OfferRules = rule === undefined ? {} : { "llm.chat": rule };
  const served = async (signer: Signer): Promise<boolean> =>
    JSON.stringify(desk({ audience, rules }).ask(await callBy(signer)).heard).includes("capability_response");
  expect(await served(laptop)).toBe(forLaptop);
  expect(await served(pi)).toBe(forPi);
});

test("an owner with whom this device is shared uses it by its controllers, never by name", async () => {
  const member = newSigner();
  const given = { owner: log, admin: home, device: home, member };
  const { logs: shared, theirs, mate } = await sharedWith(given);
  const served = async (signer: Signer, rules: OfferRules = {}, by = toBase64Url(theirs.id)) =>
    JSON.stringify(desk({ shared, rules }).ask(await callBy(signer, {}, by)).heard).includes(
      "capability_response",
    );
  expect(await served(mate)).toBe(true);
  expect(await served(mate, { "llm.chat": "controllers" })).toBe(true);
  expect(await served(mate, { "llm.chat": ["mate"] })).toBe(false);
  expect(await served(mate, {}, ROOT)).toBe(false);
  expect(await served(member)).toBe(false);
  expect(await served(laptop)).toBe(false);
});

describe("a key with a grant", () => {
  const served = async (given: Setting, change: Partial<SignedCapabilityCall> = {}): Promise<boolean> =>
    JSON.stringify(desk(given).ask(await callBy(program, change)).heard).includes("capability_response");

  test.each([
    ["for models", {}, true],
    ["for this capability", { scopes: ["capabilities"], capabilities: ["llm.chat"] }, true],
    ["for all capabilities", { scopes: ["capabilities"] }, true],
    ["for another capability", { scopes: ["capabilities"], capabilities: ["embeddings"] }, false],
    ["for lists", { scopes: ["read"] }, false],
    ["for this device", { devices: [toBase64Url(home.publicKey)] }, true],
    ["for another device", { devices: [toBase64Url(pi.publicKey)] }, false],
    ["that is over", { until: NOW }, false],
  ] as const)("%s is served: %p", async (_, change, expected) => {
    const known = await withGrant(change as Partial<EntryBody<"key">>); // a test's lists are never written to
    expect(await served({ known })).toBe(expected);
    expect(await served({ known, audience: "controllers" })).toBe(expected);
  });

  test("is narrowed by the device's own word", async () => {
    const known = await withGrant();
    expect(await served({ known, rules: { "llm.chat": "controllers" } })).toBe(false);
    expect(await served({ known, rules: { "llm.chat": ["pi"] } })).toBe(false);
    expect(await served({ known, rules: { "llm.chat": "members" } })).toBe(true);
  });

  test("of someone else's device signs in the name of its own log", async () => {
    const known = await withGrant({ holder: "device" });
    const log = toBase64Url(new Uint8Array(32).fill(9));
    const wish = {
      log,
      requestId: uuidV7(NOW, new Uint8Array(10).fill(77)),
      capability: chat,
      payload: "{}",
    };
    const { type: _, ...signed } = await signCapabilityRequest(wish, crypto, program);
    const caller = toBase64Url(program.publicKey);
    const { heard } = desk({ known }).ask({ type: "capability_request", ...signed, caller });
    expect(heard).toMatchObject([{ type: "capability_response" }]);
    // A member's right is of its own log alone.
    const foreign = await signCapabilityRequest(
      { ...wish, requestId: uuidV7(NOW, new Uint8Array(10)) },
      crypto,
      pi,
    );
    const { heard: other } = desk({ known }).ask({ ...foreign, caller: toBase64Url(pi.publicKey) });
    expect(other).toMatchObject(refused("not_found"));
  });
});

describe("what the hub asks by itself", () => {
  const byHub = async (change: Partial<CapabilityCall> = {}): Promise<object> => {
    const { signature: _, caller: __, ...asked } = await callBy(pi);
    return { ...asked, ...change };
  };

  test("is served where the device lets it, in the hub's name", async () => {
    let caller: string | undefined;
    const call = (request: CallRequest, answer: CallAnswer): void => {
      caller = request.caller;
      answer.done(1);
    };
    expect(desk({ policy: "compute", call }).ask(await byHub()).heard).toMatchObject([{ payload: "1" }]);
    expect(caller).toBe("hub");
  });

  test.each(["nothing", "lists"] as const)(
    "is refused with the way to it where that is %s",
    async (policy) => {
      const { heard } = desk({ policy }).ask(await byHub());
      const hint =
        '[policy] hub = "compute" on the device lets the hub ask by itself; or use a key: muster key create';
      expect(heard).toMatchObject([{ type: "capability_refused", error: { code: "forbidden", hint } }]);
      const unknown = { capability: { protocol: "x.none", version: "1.0.0" } };
      expect(desk({ policy }).ask(await byHub(unknown)).heard).toEqual(heard);
    },
  );

  test.each<[string, Setting, boolean]>([
    ["for members", {}, true],
    ["for members by the device's word", { audience: "controllers", rules: { "llm.chat": "members" } }, true],
    ["that costs money", { audience: "controllers" }, false],
    ["for controllers", { rules: { "llm.chat": "controllers" } }, false],
    ["for names", { rules: { "llm.chat": ["pi"] } }, false],
    ["for one that is called as the hub is", { rules: { "llm.chat": ["hub", ""] } }, false],
    ["for nobody", { rules: { "llm.chat": [] } }, false],
    ["that reads", { class: "read" }, false],
    ["that controls", { class: "control" }, false],
  ])("reaches an offer %s: %p", async (_, setting, expected) => {
    const { heard } = desk({ ...setting, policy: "compute" }).ask(await byHub());
    expect(heard).toMatchObject(expected ? [{ type: "capability_response" }] : refused("not_found"));
  });

  test("is for the people of this device's own owner alone, a co-owner's never", async () => {
    const given = { owner: log, admin: home, device: home, member: newSigner() };
    const { logs: shared, theirs } = await sharedWith(given);
    const { ask } = desk({ shared, policy: "compute" });
    expect(ask(await byHub({ log: toBase64Url(theirs.id) })).heard).toMatchObject(refused("not_found"));
    expect(ask(await byHub({ log: toBase64Url(new Uint8Array(32)) })).heard).toMatchObject(
      refused("not_found"),
    );
  });

  test("is not what has a signature, good or bad, or names a caller", async () => {
    const { ask } = desk({ policy: "compute" });
    const signed = await callBy(stranger);
    expect(ask(signed).heard).toMatchObject(refused("not_found"));
    expect(ask({ ...signed, payload: "{}" }).heard).toMatchObject(refused("bad_signature"));
    const { signature, caller, ...asked } = signed;
    for (const half of [
      { signature },
      { caller },
      { signature: null, caller: null },
      { signature: "", caller },
    ]) {
      expect(ask({ ...asked, ...half }).heard).toEqual(["closed"]);
    }
  });

  test("makes no device forget which signed requests it has answered", async () => {
    const { ask } = desk({ policy: "compute" });
    const signed = await callBy(pi);
    ask(signed);
    const asked = await byHub();
    for (let n = 0; n < 10_001; n++) ask(asked);
    expect(ask(signed).heard).toMatchObject(refused("conflict"));
  }, 20_000);

  test("goes on when the owner log grows", async () => {
    const { ask, grown, told } = desk({ policy: "compute", call() {} });
    const { heard } = ask(await byHub());
    grown(await withGrant());
    expect([heard, told]).toEqual([[], []]);
  });
});

test("parts come before the end, and nothing after it", async () => {
  const { ask } = desk({
    call(_, answer) {
      answer.part("a");
      answer.part({ b: 1 });
      answer.done(null);
      answer.part("late");
      answer.fail(new MusterError("internal", "late"));
    },
  });
  expect(ask(await callBy(pi)).heard).toMatchObject([
    { data: '"a"' },
    { data: '{"b":1}' },
    { type: "capability_response", payload: "null" },
  ]);
});

test("an answer that is too long for the way has failed, and is nobody else's to give again", async () => {
  const tooLong = [{ type: "capability_response", error: { code: "too_large" } }];
  const whole = desk({ call: (_, answer) => answer.done("x".repeat(2 ** 20)) });
  expect(whole.ask(await callBy(pi)).heard).toMatchObject(tooLong);
  // By its bytes, of which a letter may have three.
  const wide = desk({ call: (_, answer) => answer.done("日".repeat(400_000)) });
  expect(wide.ask(await callBy(pi)).heard).toMatchObject(tooLong);
  const parts = desk({
    call(_, answer) {
      answer.part("x".repeat(2 ** 20));
      answer.done(null);
    },
  });
  expect(parts.ask(await callBy(pi)).heard).toMatchObject(tooLong);
  expect(parts.told).toEqual(["cancel"]);
});

test("the longest answer there may be passes, though each of its letters is escaped twice", async () => {
  const payload = '\\"'.repeat(2 ** 18 - 1);
  const { ask } = desk({ call: (_, answer) => answer.done(payload) });
  const [said] = ask(await callBy(pi)).heard as { payload: string }[];
  expect(said?.payload.length).toBe(2 ** 20 - 2);
  expect(JSON.parse(said?.payload ?? "")).toBe(payload);
});

test("a capability that throws has refused", async () => {
  const { ask } = desk({
    call() {
      throw new MusterError("unavailable", "the model loads");
    },
  });
  expect(ask(await callBy(pi)).heard).toMatchObject(refused("unavailable"));
});

test("an asker that goes cancels what runs, once, and not what is over", async () => {
  const running = desk({ call() {} });
  const open = running.ask(await callBy(pi));
  open.lines.close();
  running.time.settle();
  expect(running.told).toEqual(["cancel"]);

  const over = desk();
  const ended = over.ask(await callBy(pi));
  ended.lines.close();
  over.time.settle();
  expect(over.told).toEqual([]);
});

describe("a right that ends while its request runs", () => {
  test("takes it back at once: a grant's, and a member's", async () => {
    const known = await withGrant();
    const body = { public_key: granted.public_key };
    const without = await appendEntry(crypto, known, { kind: "remove", body, signer: home });
    const ofProgram = await running({ known }, program);
    ofProgram.grown(without);
    expect(ofProgram.heard).toMatchObject(cutOff);
    expect(ofProgram.told).toEqual(["cancel"]);
    ofProgram.answer.part(2);
    ofProgram.time.settle();
    expect(ofProgram.heard).toHaveLength(2);

    const gone = { public_key: toBase64Url(pi.publicKey) };
    const ofMember = await running({}, pi);
    ofMember.grown(await appendEntry(crypto, log, { kind: "remove", body: gone, signer: home }));
    expect(ofMember.heard).toMatchObject(cutOff);
    expect(ofMember.told).toEqual(["cancel"]);
  });

  test("by its time ends it with the next part", async () => {
    const made = await running({ known: await withGrant() }, program);
    made.state.now = NOW + 1;
    made.answer.part(2);
    made.time.settle();
    expect(made.heard).toMatchObject(cutOff);
    expect(made.told).toEqual(["cancel"]);
  });

  test("is not that of another, whose request goes on", async () => {
    const known = await withGrant();
    const made = await running({ known }, laptop);
    const body = { public_key: granted.public_key };
    made.grown(await appendEntry(crypto, known, { kind: "remove", body, signer: home }));
    made.answer.done("well");
    made.time.settle();
    expect(made.heard.at(-1)).toMatchObject({ type: "capability_response", payload: '"well"' });
    expect(made.told).toEqual([]);
  });
});

test("256 requests run at once; the next is refused and can go elsewhere", async () => {
  const { ask } = desk({ call() {} });
  for (let n = 0; n < 256; n++) ask(await callBy(pi, {}));
  expect(ask(await callBy(pi)).heard).toMatchObject(refused("too_many"));
}, 20_000);

test("what is no request, or a second one, ends the stream", async () => {
  expect(desk().ask({ type: "capability_request" }).heard).toEqual(["closed"]);
  const { ask, told } = desk({ call() {} });
  const open = ask(await callBy(pi));
  open.lines.send(await callBy(pi));
  open.time.settle();
  expect(open.heard).toEqual(["closed"]);
  expect(told).toEqual(["cancel"]);
});
