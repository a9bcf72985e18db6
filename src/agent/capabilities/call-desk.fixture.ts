// The desk of a device that offers `llm.chat` as a test says, and requests for it, for the tests of who is served.
import { expect } from "bun:test";
import { signCapabilityRequest } from "../../identity/capability-request.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry, type OwnerLog } from "../../identity/owner-log.ts";
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
import type { SignedCapabilityCall } from "../../protocol/capability-messages.ts";
import type { CapabilityClass } from "../../protocol/capabilities.ts";
import type { EntryBody } from "../../protocol/owner-log.ts";
import { LineStream } from "../../trunk/line-stream.ts";
import { FakeTime, pipe } from "../../trunk/testing.ts";
import type { TrunkStream } from "../../trunk/stream.ts";
import { knownLogs } from "../obeyed-logs.fixture.ts";
import type { ObeyedLog, ObeyedLogs } from "../obeyed-logs.ts";
import type { HubPolicy } from "../queries/query-desk.ts";
import { CallDesk, type OfferRules } from "./call-desk.ts";
import type { CallAnswer, CallRequest, Capability } from "./capability.ts";

export const pi = newSigner();
export const stranger = newSigner();
const withLaptop = await appendEntry(crypto, begun, {
  kind: "controller",
  body: controller(laptop),
  signer: home,
});
export const log = await appendEntry(crypto, withLaptop, { kind: "member", body: member(pi), signer: home });
export const program = newSigner();
export const granted: EntryBody<"key"> = {
  public_key: toBase64Url(program.publicKey),
  name: "editor",
  holder: "program",
  scopes: ["models"],
  capabilities: null,
  devices: null,
  until: NOW + 1,
};
export const withGrant = (change: Partial<EntryBody<"key">> = {}) =>
  appendEntry(crypto, log, { kind: "key", body: { ...granted, ...change }, signer: home });
export const ROOT = toBase64Url(log.id);
export const chat = { protocol: "llm.chat", version: "1.0.0" };

export interface Setting {
  class?: CapabilityClass;
  audience?: Capability["audience"];
  rules?: OfferRules;
  policy?: HubPolicy;
  known?: OwnerLog;
  call?: (request: CallRequest, answer: CallAnswer) => void;
  shared?: ObeyedLogs;
  /** Of owners who were let use something, as this device has their logs. */
  followed?: readonly OwnerLog[];
}

const notShared = await knownLogs(log, home.publicKey);
function ownLog(known: OwnerLog): ObeyedLog {
  const none = (): undefined => undefined;
  const done = (): Promise<void> => Promise.resolve();
  return { ownerRoot: ROOT, log: known, seen: known, problem: none, refusal: none, take: done, fetch: done };
}

export function desk({
  class: kind = "compute",
  audience = "members",
  rules = {},
  policy = "lists",
  call,
  known = log,
  shared = notShared,
  followed: theirs = [],
}: Setting = {}) {
  const time = new FakeTime();
  const told: string[] = [];
  const state = { known, followed: theirs, now: NOW };
  const capability: Capability = {
    offer: { ...chat, class: kind },
    audience,
    call(request, answer) {
      if (call === undefined) answer.done({ heard: request.payload });
      else call(request, answer);
      return { resume: () => told.push("resume"), cancel: () => told.push("cancel") };
    },
  };
  const made = new CallDesk({
    clock: { now: () => state.now, monotonic: () => 0 },
    crypto,
    ownerRoot: ROOT,
    publicKey: home.publicKey,
    logs: {
      of: (root) => (root === ROOT ? ownLog(state.known) : shared.of(root)),
      granted: (root) => state.followed.find(({ id }) => toBase64Url(id) === root),
    },
    capabilities: { find: (asked) => (asked.protocol === chat.protocol ? capability : undefined) },
    rules,
    policy,
  });
  const ask = (call: object) => {
    const [near, far] = pipe(time);
    const heard: unknown[] = [];
    const lines = new LineStream({
      message: (value) => heard.push(value),
      close: () => heard.push("closed"),
    });
    near.events = lines.streamEvents as typeof near.events; // a pipe has no last words
    lines.attach(near);
    far.events = made.open(far as unknown as TrunkStream) as typeof far.events; // a desk needs a byte stream alone
    lines.send(call);
    time.settle();
    return { heard, lines, time };
  };
  /** The owner log is this one from now on. */
  const grown = (next: OwnerLog): void => {
    state.known = next;
    made.look();
    time.settle();
  };
  return { ask, told, time, grown, state };
}

let count = 0;
export async function callBy(
  signer: Signer,
  change: Partial<SignedCapabilityCall> = {},
  by = ROOT,
): Promise<SignedCapabilityCall> {
  count += 1;
  const requestId = uuidV7(
    NOW,
    new Uint8Array(10).map((_, at) => count >> (8 * at)),
  );
  const wish = { log: by, requestId, capability: chat, payload: '{"text":"hi"}' };
  const request = await signCapabilityRequest(wish, crypto, signer);
  const { type, request_id, capability, payload, log: root, signature } = request;
  return {
    type,
    request_id,
    capability,
    payload,
    log: root,
    signature,
    caller: toBase64Url(signer.publicKey),
    ...change,
  };
}

/** A request of `signer` that has said one part and goes on. */
export const running = async (given: Setting, signer: Signer, by = ROOT) => {
  const answers: CallAnswer[] = [];
  const made = desk({ ...given, call: (_, answer) => answers.push(answer) });
  const { heard } = made.ask(await callBy(signer, {}, by));
  const [answer] = answers;
  if (answer === undefined) throw new Error("the request was not served");
  answer.part(1);
  made.time.settle();
  return { ...made, heard, answer };
};

/** What its asker hears when the right ends. */
export const cutOff = [
  { type: "capability_part" },
  { type: "capability_response", error: { code: "forbidden" } },
];

/** What whoever is not served hears. */
export const refused = (code: string) => [
  { type: "capability_refused", error: expect.objectContaining({ code }) },
];
