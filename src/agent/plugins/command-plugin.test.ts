import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import { callOf, HELLO, hearer, READ, REQUEST, running, scripted, started, until } from "./plugin.fixture.ts";

const part = (data: string): string =>
  `printf '{"jsonrpc":"2.0","method":"capability.part","params":{"request_id":"%s","data":${data}}}\\n' "$request"`;
const result = (value: string): string => `printf '{"jsonrpc":"2.0","id":%s,"result":${value}}\\n' "$id"`;
const FOREVER = "while :; do read -r line || exit; done";

test("what it offers is there once it has answered, and its parts come before the end", async () => {
  await using test = scripted(
    `${HELLO}; ${READ}; ${REQUEST}; ${part("1")}; ${part('"two"')}; ${result('{"n":2}')}; ${FOREVER}`,
  );
  expect(test.plugin.capabilities).toEqual([]);
  await running(test);
  const heard = hearer();
  callOf(test.plugin, { a: 1 }, heard);
  await until("its end", () => heard.isOver);
  expect(heard).toMatchObject({ parts: [1, "two"], payload: { n: 2 } });
});

test("a query of its own is answered", async () => {
  await using test = scripted(`${HELLO}; ${READ}; ${result('{"items":[]}')}; ${FOREVER}`);
  await running(test);
  expect(await test.plugin.queries["look"]?.({ q: 1 }, "all")).toEqual({ items: [] });
});

test("queries that it never answers make room for others when their time is over", async () => {
  await using test = scripted(`${HELLO}; ${FOREVER}`);
  await running(test);
  const look = async (): Promise<unknown> => {
    const asked = test.plugin.queries["look"]?.({}, "all").catch((error: unknown) => error);
    test.time.advance(60_000);
    return asked;
  };
  for (let n = 0; n < 130; n++) expect(await look()).toMatchObject({ code: "capability_timeout" });
});

test.each([
  [-32_602, "invalid", "failure"],
  [-32_001, "unavailable", "refusal"],
  [-32_601, "not_found", "refusal"],
  [-1, "app_failed", "failure"],
] as const)("its error %i is heard as %s", async (code, expected, kind) => {
  const error = `printf '{"jsonrpc":"2.0","id":%s,"error":{"code":${code},"message":"no"}}\\n' "$id"`;
  await using test = scripted(`${HELLO}; ${READ}; ${error}; ${FOREVER}`);
  await running(test);
  const heard = hearer();
  callOf(test.plugin, {}, heard);
  await until("its end", () => heard.isOver);
  expect(heard[kind]).toMatchObject({ code: expected, message: "test: no" });
});

describe("a plugin that ends", () => {
  test("is withdrawn, started again later, and offered again", async () => {
    await using test = scripted(`${HELLO}; ${READ}; echo oh dear >&2; exit 3`);
    await running(test);
    const heard = hearer();
    callOf(test.plugin, {}, heard);
    await until("its end", () => heard.isOver);
    expect(heard.refusal).toMatchObject({ code: "unavailable" });
    expect(test.plugin.capabilities).toEqual([]);
    expect(test.plugin.queries).toEqual({});
    expect(test.logged).toContainEqual({
      event: "a plugin ended",
      fields: { plugin: "test", reason: "it ended with exit code 3: oh dear", again_in_ms: 1000 },
    });
    test.time.advance(1000);
    await running(test);
    expect(test.changes()).toBe(3);
  });

  test("waits ever longer, up to a minute, and the person is told", async () => {
    await using test = scripted("exit 1");
    const waits = (): unknown[] => test.logged.map(({ fields }) => fields["again_in_ms"]);
    for (let n = 1; n <= 7; n++) {
      await until("an end", () => waits().length === n);
      test.time.advance(Number(waits().at(-1)));
    }
    expect(waits().slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000]);
    expect(test.trouble()).toContain("exit code 1");
  });

  test("in the middle of an answer, has failed: it is never asked elsewhere", async () => {
    await using test = scripted(`${HELLO}; ${READ}; ${REQUEST}; ${part("1")}; exit 1`);
    await running(test);
    const heard = hearer();
    callOf(test.plugin, {}, heard);
    await until("its end", () => heard.isOver);
    expect(heard).toMatchObject({ parts: [1], failure: { code: "unavailable" } });
  });

  test("because there is no such program, says so", async () => {
    await using test = started(["./no-such-program"], { folder: "/tmp" });
    await until("an end", () => test.trouble() !== undefined);
    expect(test.trouble()).toContain("no-such-program");
  });
});

describe("a hostile plugin", () => {
  test.each([
    ["garbage", `${HELLO}; echo hello world; ${FOREVER}`, "no JSON-RPC message"],
    ["bytes that are no text", `${HELLO}; printf '\\377\\n'; ${FOREVER}`, "no JSON-RPC message"],
    ["a line that does not end", `${HELLO}; exec cat /dev/zero`, "too long"],
    [
      "nesting without end",
      `${HELLO}; head -c 100000 /dev/zero | tr '\\0' '['; echo; ${FOREVER}`,
      "no JSON-RPC",
    ],
    [
      "what it was not asked, for ever",
      `${HELLO}; while :; do echo '{"jsonrpc":"2.0","id":77,"result":1}'; done`,
      "not asked",
    ],
  ])("that writes %s is ended", async (_, script, reason) => {
    await using test = scripted(script);
    await until("an end", () => test.logged.some(({ event }) => event === "a plugin ended"));
    const ended = test.logged.find(({ event }) => event === "a plugin ended");
    expect(String(ended?.fields["reason"])).toContain(reason);
    expect(test.plugin.capabilities).toEqual([]);
  });

  test("that never answers is ended in ten seconds, and was never offered", async () => {
    await using test = scripted(FOREVER);
    test.time.advance(10_000);
    await until("an end", () => test.trouble() !== undefined);
    expect(test.trouble()).toContain("did not answer in time");
  });

  test("that floods its standard error is logged in part", async () => {
    await using test = scripted(
      `${HELLO}; i=0; while [ $i -lt 3000 ]; do echo flood >&2; i=$((i+1)); done; echo over >&2; exit 0`,
    );
    await until("an end", () => test.logged.some(({ event }) => event === "a plugin ended"));
    expect(test.logged.filter(({ event }) => event === "a plugin writes").length).toBe(100);
  });

  test("that writes to its standard error for ever is not read for ever", async () => {
    await using test = scripted(`${HELLO}; exec cat /dev/zero >&2`);
    await running(test);
    let bytes = 0;
    await until("what is read at once", () => {
      const isStill = bytes > 0 && bytes === test.read();
      bytes = test.read();
      return isStill;
    });
    expect(bytes).toBeLessThan(1024 * 1024);
    test.time.advance(1000);
    await until("more of it", () => test.read() > bytes);
  });

  test("that ends no call which is taken back begins anew", async () => {
    await using test = scripted(`${HELLO}; ${FOREVER}`);
    await running(test);
    const call = callOf(test.plugin, {}, hearer());
    call.cancel();
    test.time.advance(30_000);
    await until("an end", () => test.logged.some(({ event }) => event === "a plugin ended"));
    expect(JSON.stringify(test.logged)).toContain("did not end a call that was taken back");
  });

  test("that is silent within a call loses it", async () => {
    await using test = scripted(`${HELLO}; ${FOREVER}`);
    await running(test);
    const heard = hearer();
    callOf(test.plugin, {}, heard);
    test.time.advance(120_000);
    expect(heard.failure).toMatchObject({ code: "capability_timeout" });
  });

  test("that ignores being told to end is killed, with all that it has started", async () => {
    const test = scripted(`trap '' TERM; ${HELLO}; sleep 1000 & echo $! >&2; while :; do sleep 1000; done`);
    const remark = (): string =>
      test.logged.flatMap(({ event, fields: { line } }) =>
        event === "a plugin writes" && typeof line === "string" ? [line] : [],
      )[0] ?? "";
    await running(test);
    await until("its child", () => remark() !== "");
    await test[Symbol.asyncDispose]();
    await until("an end of its child", () => !isAlive(Number(remark())));
  });

  test("that reads nothing is given nothing more once its pipe is full", async () => {
    await using test = scripted(`${HELLO}; exec sleep 1000`);
    await running(test);
    const payload = "x".repeat(256 * 1024);
    const calls = Array.from({ length: 64 }, () => {
      try {
        callOf(test.plugin, payload, hearer());
        return "taken";
      } catch {
        return "refused";
      }
    });
    expect(calls.indexOf("refused")).toBeLessThan(8);
  });
});

test("an asker who takes nothing holds the plugin back for ten seconds, then loses the call", async () => {
  const flood = `while :; do ${part('"0123456789"')}; done`;
  await using test = scripted(`${HELLO}; ${READ}; ${REQUEST}; ${flood}`);
  await running(test);
  const heard = hearer(1);
  callOf(test.plugin, {}, heard);
  await until("a first part", () => heard.parts.length > 0);
  // What was read already still comes; then its pipe fills.
  let before = -1;
  await until("silence", () => {
    const isSilent = heard.parts.length === before;
    before = heard.parts.length;
    return isSilent;
  });
  test.time.advance(10_000);
  expect(heard.failure).toMatchObject({ code: "unavailable" });
});

test("it is asked no more than 64 calls at once", async () => {
  await using test = scripted(`${HELLO}; ${FOREVER}`);
  await running(test);
  for (let n = 0; n < 64; n++) callOf(test.plugin, {}, hearer());
  expect(() => callOf(test.plugin, {}, hearer())).toThrow("too much to do");
});

test("of Muster's own environment it gets nothing", async () => {
  process.env["MUSTER_SECRET_TEST"] = "1";
  await using test = scripted(`${HELLO}; env | grep -c MUSTER >&2; ${FOREVER}`);
  await until("its remark", () => test.logged.some(({ event }) => event === "a plugin writes"));
  expect(test.logged.find(({ event }) => event === "a plugin writes")?.fields["line"]).toBe("0");
});

/** One that has ended and that nobody has asked after is none. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync("/proc/self") || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
