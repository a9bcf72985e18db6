import { describe, expect, test } from "bun:test";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { CapabilityRequest } from "../../protocol/capability-messages.ts";
import type { LineStream } from "../../trunk/line-stream.ts";
import { OTHER_ROOT, OWN_ROOT } from "./calls.fixture.ts";
import type { UnsignedRequest } from "./capability-desk.ts";
import { chat, done, fleet, ID, part, refusing, request, silent } from "./capability.fixture.ts";
import type { RunEvents } from "./capability-run.ts";

test("a request reaches the device that offers it, with the caller's key as the hub proved it", () => {
  const { made, ask } = fleet();
  const gpu = made.add("gpu", { capabilities: [chat] }, (_, lines) => {
    lines.send(part('"a"'));
    done('{"text":"hello"}')(_, lines);
  });
  const { heard, told } = ask();
  expect(heard).toEqual([
    { ...part('"a"'), from_device: "gpu" },
    { type: "capability_response", request_id: ID, from_device: "gpu", payload: '{"text":"hello"}' },
  ]);
  expect(told).toEqual(["end"]);
  expect(gpu.asked).toMatchObject([{ ...request(), caller: expect.any(String) }]);
});

test("a request that a program's key signed goes on in that key's name", () => {
  const { made, ask } = fleet();
  const gpu = made.add("gpu", { capabilities: [chat] }, done("{}"));
  const by = toBase64Url(new Uint8Array(32).fill(5));
  ask({ by });
  expect(gpu.asked).toMatchObject([{ caller: by }]);
});

test("without a device that offers it, `no_device` says so; one that is away is named with its time", () => {
  const { made, ask } = fleet();
  expect(ask().heard).toMatchObject([{ error: { code: "no_device" } }]);
  made.add("gpu", { capabilities: [chat] });
  expect(ask().heard).toMatchObject([
    { error: { code: "no_device", hint: expect.stringContaining("gpu (offline since 1970") } },
  ]);
});

test.each([
  ["2.0.0", "no_device"],
  ["1.3.0", "no_device"],
])("version %s is not served by 1.2.0", (version, code) => {
  const { made, ask } = fleet();
  made.add("gpu", { capabilities: [chat] }, done("{}"));
  expect(ask({ capability: { protocol: "llm.chat", version } }).heard).toMatchObject([{ error: { code } }]);
});

test.each(["read", "control"] as const)("a %s capability is refused with the way to ask it", (kind) => {
  const { made, ask } = fleet();
  made.add("gpu", { capabilities: [{ ...chat, class: kind }] }, done("{}"));
  expect(ask().heard).toMatchObject([
    { error: { code: "forbidden", hint: expect.stringContaining("muster") } },
  ]);
});

test("a stranger learns nothing of who offers what", () => {
  const { made, ask } = fleet();
  made.add("gpu", { capabilities: [chat] }, done("{}"));
  const stranger = ask({}, [OTHER_ROOT]);
  const ofNobody = ask({ log: OTHER_ROOT.replace("A", "B") }, [OTHER_ROOT]);
  expect(stranger.heard).toMatchObject([{ error: { code: "not_found" } }]);
  expect(ofNobody.heard).toEqual(stranger.heard);
});

test("a device of someone else serves whom its owner lets, where it lets", () => {
  const own = toBase64Url(new Uint8Array(32).fill(10));
  const grants = [{ root: OWN_ROOT, devices: [own] }];
  const { made, ask } = fleet(grants);
  const gpu = made.add("gpu", { capabilities: [chat] }, done('"hello"'));
  const other = made.add("other", { capabilities: [chat] }, done('"hello"'));
  const stranger = ask({ log: OTHER_ROOT }, [OTHER_ROOT]);
  expect(stranger.heard).toMatchObject([{ from_device: "gpu", payload: '"hello"' }]);
  expect([gpu.asked.length, other.asked.length]).toEqual([1, 0]);
});

describe("what the hub asks by itself", () => {
  const { signature: _, ...bare } = request();
  const forbidding = (_: unknown, lines: LineStream) => {
    const error = { code: "forbidden", message: "no", hint: "say so" };
    lines.send({ type: "capability_refused", error });
  };
  const unsigned = (
    { made, desk }: Pick<ReturnType<typeof fleet>, "made" | "desk">,
    change: Partial<UnsignedRequest> = {},
  ) => {
    const heard: unknown[] = [];
    const events: RunEvents = { reply: (reply) => heard.push(reply) > 0, over() {} };
    desk.ask({ actor: undefined, caller: "person anna", request: { ...bare, ...change } }, events);
    made.time.settle();
    return heard;
  };

  test("reaches a device without a signature and without a caller", () => {
    const here = fleet();
    const gpu = here.made.add("gpu", { capabilities: [chat] }, done('"hello"'));
    expect(unsigned(here)).toMatchObject([{ from_device: "gpu", payload: '"hello"' }]);
    expect(gpu.asked).toEqual([bare]);
  });

  test("is asked of no device that another owner shares or has let use", () => {
    const here = fleet([{ root: OWN_ROOT, devices: null }]);
    const gpu = here.made.add("gpu", { capabilities: [chat] }, done('"hello"'));
    here.made.devices.commandedBy = () => here.made.devices.ofOwners([OWN_ROOT]);
    expect(() => unsigned(here, { log: OTHER_ROOT })).toThrow("no device offers llm.chat");
    expect(gpu.asked).toEqual([]);
    expect(here.ask({ log: OTHER_ROOT }, [OTHER_ROOT]).heard).toMatchObject([{ payload: '"hello"' }]);
  });

  test("that one device does not allow is asked of the next, and is held against none", () => {
    const here = fleet();
    const one = here.made.add("one", { capabilities: [chat] }, forbidding);
    const two = here.made.add("two", { capabilities: [chat] }, done('"2"'));
    for (const _ of [1, 2, 3]) {
      expect(unsigned(here, { prefer_device: "one" })).toMatchObject([{ from_device: "two" }]);
    }
    expect([one.asked.length, two.asked.length]).toEqual([3, 3]);
  });

  test("is refused in the words of a device, of one that could have served before others", () => {
    const here = fleet();
    here.made.add("one", { capabilities: [chat] }, forbidding);
    expect(unsigned(here)).toMatchObject([
      { from_device: "one", error: { code: "forbidden", hint: "say so" } },
    ]);
    here.made.add("two", { capabilities: [chat] }, refusing);
    for (const name of ["one", "two"]) {
      expect(unsigned(here, { prefer_device: name })).toMatchObject([{ error: { code: "too_many" } }]);
    }
  });

  test("takes places of its person", () => {
    const here = fleet();
    here.made.add("mute", { capabilities: [chat] }, silent);
    for (let n = 0; n < 64; n++) unsigned(here);
    expect(() => unsigned(here)).toThrow("64 requests of this key or person run already");
  });
});

test("a program is not told what else there is", () => {
  const { made, ask } = fleet();
  made.add("gpu", { capabilities: [{ ...chat, protocol: "x.secret" }] }, silent);
  const by = toBase64Url(new Uint8Array(32).fill(5));
  expect(JSON.stringify(ask().heard)).toContain("x.secret");
  expect(JSON.stringify(ask({ by }).heard)).not.toContain("x.secret");
});

test("a device that the asker has in two ways is asked once", () => {
  const { made, ask } = fleet([{ root: OWN_ROOT, devices: null }]);
  const gpu = made.add("gpu", { capabilities: [chat] }, refusing);
  expect(ask().heard).toMatchObject([{ error: { code: "too_many" } }]);
  expect(gpu.asked).toHaveLength(1);
});

test("a model is found without the tag that its server gives it", () => {
  const { made, ask } = fleet();
  made.add("gpu", { capabilities: [{ ...chat, models: ["qwen3:latest"] }] }, done('"yes"'));
  expect(ask({ model: "qwen3" }).heard).toMatchObject([{ payload: '"yes"' }]);
});

test("only a device that has the model is asked; where none has, those there are are named", () => {
  const { made, ask } = fleet();
  const small = made.add("small", { capabilities: [{ ...chat, models: ["tiny"] }] }, done('"s"'));
  const large = made.add("large", { capabilities: [{ ...chat, models: ["tiny", "big"] }] }, done('"l"'));
  ask({ model: "big" });
  expect([small.asked.length, large.asked.length]).toEqual([0, 1]);
  expect(ask({ model: "huge" }).heard).toMatchObject([
    { error: { code: "no_device", hint: "there are: big, tiny" } },
  ]);
});

describe("where one device alone is asked", () => {
  const only = (device: string) => ({ only_device: device });

  test("it serves, by its name, its id or the beginning of that", () => {
    const { made, ask } = fleet();
    const one = made.add("one", { capabilities: [chat] }, done('"1"'));
    const two = made.add("two", { capabilities: [chat] }, done('"2"'));
    for (const word of ["two", "id-two", "id-t"]) ask(only(word));
    expect([one.asked.length, two.asked.length]).toEqual([0, 3]);
  });

  test("nobody takes its place when it refuses or is cut, and it is said who refused", () => {
    const { made, ask } = fleet();
    const one = made.add("one", { capabilities: [chat] }, done('"1"'));
    made.add("two", { capabilities: [chat] }, refusing);
    const three = made.add("three", { capabilities: [chat] }, () => three.cut());
    expect(ask(only("two")).heard).toMatchObject([{ from_device: "two", error: { code: "too_many" } }]);
    expect(ask(only("three")).heard).toMatchObject([{ error: { message: "three went away" } }]);
    expect(one.asked).toEqual([]);
  });

  test.each([
    ["nobody", 'there is no device "nobody" to ask', "muster device ls"],
    ["pi", "pi does not offer llm.chat", "it is offered by: gpu (1.2.0), old (0.9.0)"],
    ["old", "old offers llm.chat 0.9.0, and not 1.0.0", "there are: llm.chat (gpu, old)"],
    ["away", "away offers llm.chat, but is offline since 1970-01-01T00:00:00.000Z", "here are: gpu"],
  ])("%s: the reason says what there is instead", (device, message, hint) => {
    const { made, ask } = fleet();
    made.add("gpu", { capabilities: [chat] }, silent);
    made.add("pi", {}, silent);
    made.add("old", { capabilities: [{ ...chat, version: "0.9.0" }] }, silent);
    if (device === "away") made.add("away", { capabilities: [chat] });
    const { heard } = ask(only(device));
    expect(heard).toMatchObject([{ error: { code: "no_device", message } }]);
    expect(JSON.stringify(heard)).toContain(hint);
  });

  test("it must have the model too", () => {
    const { made, ask } = fleet();
    made.add("small", { capabilities: [{ ...chat, models: ["tiny"] }] }, silent);
    made.add("large", { capabilities: [{ ...chat, models: ["big"] }] }, silent);
    expect(ask({ ...only("small"), model: "big" }).heard).toMatchObject([
      { error: { message: 'small does not have the model "big"', hint: "there are: tiny" } },
    ]);
  });

  test("another owner's device is one of them where it was let use, and tells of nothing else", () => {
    const gpu = toBase64Url(new Uint8Array(32).fill(10));
    const { made, ask } = fleet([{ root: OWN_ROOT, devices: [gpu] }]);
    const embeddings = { ...chat, protocol: "embeddings" };
    made.add("gpu", { capabilities: [embeddings] }, silent);
    made.add("secret", { capabilities: [chat] }, silent);
    const { heard } = ask({ log: OTHER_ROOT, ...only("secret") }, [OTHER_ROOT]);
    expect(heard).toMatchObject([{ error: { message: 'there is no device "secret" to ask' } }]);
    const other = ask({ log: OTHER_ROOT, ...only("gpu") }, [OTHER_ROOT]);
    expect(other.heard).toMatchObject([{ error: { message: "gpu does not offer llm.chat" } }]);
    expect(JSON.stringify(other.heard)).not.toContain("embeddings");
  });
});

test("the device that is preferred serves, then the one with the fewest running", () => {
  const { made, ask } = fleet();
  const one = made.add("one", { capabilities: [chat] }, silent);
  const two = made.add("two", { capabilities: [chat] }, silent);
  ask({ prefer_device: "two" });
  expect([one.asked.length, two.asked.length]).toEqual([0, 1]);
  ask();
  expect([one.asked.length, two.asked.length]).toEqual([1, 1]);
  ask({ prefer_device: "id-one" });
  ask();
  expect([one.asked.length, two.asked.length]).toEqual([2, 2]);
});

test("a request may hold pictures, and few that are so long are under way for one asker", () => {
  const { made, ask } = fleet();
  const gpu = made.add("gpu", { capabilities: [chat] }, (_, lines) => {
    if (gpu.asked.length > 5) done('"yes"')(_, lines);
  });
  const payload = JSON.stringify({ image: '"'.repeat(600_000) });
  const first = ask();
  const large = Array.from({ length: 4 }, () => first.again());
  for (const { lines } of large) lines.send(request({ payload }));
  made.time.advance(1000);
  expect(gpu.asked.map((one) => (one as CapabilityRequest).payload.length)).toEqual([
    13,
    ...large.map(() => payload.length),
  ]);
  const fifth = first.again();
  fifth.lines.send(request({ payload }));
  made.time.advance(1000);
  expect(fifth.heard).toMatchObject([{ error: { code: "too_many" } }]);
  large[0]?.lines.close();
  const sixth = first.again();
  sixth.lines.send(request({ payload }));
  made.time.advance(1000);
  expect(sixth.heard).toMatchObject([{ payload: '"yes"' }]);
});

test("a session has sixty-four requests at once", () => {
  const { made, desk } = fleet();
  made.add("mute", { capabilities: [chat] }, silent);
  const session = { key: "k", actor: { kind: "register", roles: new Map([[OWN_ROOT, "member"]]) } };
  const told: unknown[] = [];
  for (let n = 0; n < 65; n++) {
    // What the desk looks at.
    const events = desk.open(
      session as never,
      { write: (b: Uint8Array) => (told.push(b), b.length), shutdown() {}, close() {} } as never,
    );
    events.data(new TextEncoder().encode(`${JSON.stringify(request())}\n`));
  }
  expect(told).toHaveLength(1);
  expect(new TextDecoder().decode(told[0] as Uint8Array)).toContain("too_many");
});

test("a program's key has sixty-four requests at once by HTTP, and room again when one is over", () => {
  const { made, desk } = fleet();
  made.add("mute", { capabilities: [chat] }, silent);
  const events = { reply: () => true, over() {} };
  const ask = (caller = "key") => desk.ask({ actor: undefined, caller, request: request() }, events);
  const runs = Array.from({ length: 64 }, () => ask());
  expect(() => ask()).toThrow("64 requests of this key or person run already");
  ask("another").cancel();
  runs[0]?.cancel();
  ask().cancel();
  for (const run of runs) run.cancel();
  for (let n = 0; n < 64; n++) ask();
});
