import { afterEach, beforeAll, expect, test } from "bun:test";
import type { OwnerLog } from "../../identity/owner-log.ts";
import type { Task } from "../tasks/task.ts";
import {
  begin,
  codeOf,
  controller,
  controllerEntry,
  DAY_MS,
  device,
  endDevices,
  grow,
  memberEntry,
  order,
  party,
  removeEntry,
  TestHub,
  until,
  type Party,
} from "./fleet.fixture.ts";

let home: Party;
let laptop: Party;
let pi: Party;
let log: OwnerLog;

beforeAll(async () => {
  home = party("home", "desktop");
  laptop = party("laptop");
  pi = party("pi", "raspberry_pi");
  log = await grow(await begin(home), memberEntry(pi, home), controllerEntry(laptop, home));
});

afterEach(endDevices);

async function fleet(change: Partial<Parameters<typeof device>[2]> = {}) {
  const hub = new TestHub();
  const far = await device(hub, pi, { log, ...change });
  const near = await controller(hub, laptop, log);
  return { hub, far, near };
}

const sh = (script: string) => ({ kind: "exec", request: { script, stdin: false } }) as const;

test("a command runs there, and its outputs, exit code and outcome come back apart", async () => {
  const { near, hub } = await fleet();
  const told = order(near, pi, sh("echo out; echo err >&2; exit 3"));
  const { result } = await told.order.outcome;
  expect(result).toMatchObject({ status: "failed", exit_code: 3 });
  expect(told.output).toBe("out\n");
  expect(told.errors).toBe("err\n");
  // The hub saw that something was said, and no word of it.
  const seen = hub.seen.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  for (const word of ["echo", "out", "exec", "head"]) expect(seen).not.toContain(word);
});

test("input reaches the program in full, far more than waits at once", async () => {
  const { near } = await fleet();
  const size = 3_000_000;
  let sent = 0;
  const feed = (): void => {
    while (sent < size && told.order.inputRoom > 0) {
      const piece = new Uint8Array(Math.min(50_000, size - sent, told.order.inputRoom));
      sent += piece.length;
      told.order.input(piece);
      if (sent === size) told.order.tell({ type: "input_end" });
    }
  };
  const told = order(
    near,
    pi,
    { kind: "exec", request: { argv: ["wc", "-c"], stdin: true } },
    { inputRoom: () => queueMicrotask(feed) },
  );
  await told.order.outcome;
  expect(told.output.trim()).toBe(String(size));
});

test("the same command id starts nothing twice and tells the first outcome", async () => {
  const { near, far } = await fleet();
  const wish = { ...sh("date +%N"), commandId: "once" };
  const first = await order(near, pi, wish).order.outcome;
  const second = order(near, pi, wish);
  expect(await second.order.outcome).toEqual(first);
  expect(second.accepted).toBeUndefined();
  expect(await order(near, pi, { ...sh("echo other"), commandId: "once" }).order.outcome).toMatchObject({
    error: { code: "conflict" },
  });
  const rows = await far.record.db.selectFrom("audit").selectAll().execute();
  expect(rows.map((row) => row.action)).toEqual(["exec"]);
});

test("a command runs on when its session is cut, and a later one sees its end", async () => {
  const { near, hub } = await fleet();
  const wish = { ...sh("echo begun; sleep 0.3; echo ended"), commandId: "long" };
  const first = order(near, pi, wish);
  await until(() => first.output.includes("begun"));
  hub.streams.at(-1)?.[0].close();
  expect(await codeOf(first.order.outcome)).toBe("session_cut");
  const second = order(near, pi, wish);
  expect((await second.order.outcome).result).toMatchObject({ exit_code: 0, logs: "begun\nended\n" });
  expect(second.output).toBe("ended\n");
});

test("who may not command is refused inside, with the reason", async () => {
  const expired = party("expired");
  const gone = party("gone");
  const grown = await grow(
    log,
    controllerEntry(expired, home, { since: Date.now() - DAY_MS, until: Date.now() - 1000 }),
    controllerEntry(gone, home),
    removeEntry(gone, home),
  );
  const hub = new TestHub();
  await device(hub, pi, { log: grown });
  const other = party("other");
  const member = party("member");
  const both = await grow(grown, memberEntry(member, home));
  for (const [who, reason] of [
    [expired, "ended at"],
    [gone, "removed"],
    [member, "member"],
  ] as const) {
    const problem = await order(await controller(hub, who, both), pi, sh("echo no"))
      .order.outcome.then(() => undefined)
      .catch((error: unknown) => error);
    expect(problem).toMatchObject({ code: "forbidden", message: expect.stringContaining(reason) });
  }
  // Nobody's key finds no one to shake hands with.
  expect(await codeOf(order(await controller(hub, other, both), pi, sh("echo no")).order.outcome)).toBe(
    "forbidden",
  );
});

test("a device whose log is behind is brought up to date by its caller, not by the hub", async () => {
  const { hub, far } = await fleet();
  const later = party("later");
  const grown = await grow(log, controllerEntry(later, home));
  const told = order(await controller(hub, later, grown), pi, sh("echo hello"));
  expect((await told.order.outcome).result).toMatchObject({ exit_code: 0 });
  expect(far.book.log?.length).toBe(grown.length);
});

test("a caller whose log is behind learns from the device that its own right has ended", async () => {
  const { near, far } = await fleet();
  await far.show(await grow(log, removeEntry(laptop, home)));
  expect(await codeOf(order(near, pi, sh("echo no")).order.outcome)).toBe("forbidden");
  expect(near.book.log?.wasRemoved(laptop.signer.publicKey)).toBe(true);
});

test("a key that leaves the log loses what it runs at once", async () => {
  const { near, far } = await fleet();
  const told = order(near, pi, sh("trap 'echo ended; exit' TERM; echo begun; while :; do sleep 0.05; done"));
  await until(() => told.output.includes("begun"));
  const began = performance.now();
  await far.show(await grow(log, removeEntry(laptop, home)));
  expect(await codeOf(told.order.outcome)).toBe("forbidden");
  expect(performance.now() - began).toBeLessThan(1000);
  await until(() => processGone(told.accepted?.["pid"]));
});

test("a key that leaves the log while its command is being started loses that as well", async () => {
  const { near, far } = await fleet();
  const { runner } = far.tasks.tasks;
  const accept = runner.accept.bind(runner);
  const accepted = Promise.withResolvers<Task>();
  const removed = Promise.withResolvers<void>();
  runner.accept = async (...given) => {
    const created = await accept(...given);
    if (created.state === "new") accepted.resolve(created.task);
    await removed.promise;
    return created;
  };
  const code = codeOf(order(near, pi, sh("exec sleep 300")).order.outcome);
  const task = await accepted.promise;
  await far.show(await grow(log, removeEntry(laptop, home)));
  expect(await code).toBe("forbidden");
  removed.resolve();
  expect((await runner.outcome(task)).status).toBe("cancelled");
});

test("a shell that was left ends with the right of its key", async () => {
  const { near, far, hub } = await fleet();
  const told = order(near, pi, { kind: "shell", request: { cols: 80, rows: 24 } });
  await until(() => told.accepted !== undefined);
  // As a hub does that has heard of the entry before the device.
  hub.streams.at(-1)?.[0].close();
  expect(await codeOf(told.order.outcome)).toBe("session_cut");
  await far.show(await grow(log, memberEntry(party("another"), home)));
  expect(processGone(told.accepted?.["pid"])).toBe(false);
  await far.show(await grow(far.book.log ?? log, removeEntry(laptop, home)));
  await until(() => processGone(told.accepted?.["pid"]));
});

test("policy turns commands off", async () => {
  const { near } = await fleet({ policy: { exec: "off", browser: "on" } });
  expect(await codeOf(order(near, pi, sh("echo no")).order.outcome)).toBe("forbidden");
});

test("cancelling asks the group to end, and a program that is not there is 127", async () => {
  const { near } = await fleet();
  const told = order(near, pi, sh("echo begun; sleep 30 & wait"));
  await until(() => told.output.includes("begun"));
  told.order.tell({ type: "signal", name: "TERM" });
  expect((await told.order.outcome).result).toMatchObject({ status: "cancelled", signal: "SIGTERM" });
  const missing = order(near, pi, { kind: "exec", request: { argv: ["no-such-program"], stdin: false } });
  expect((await missing.order.outcome).result).toMatchObject({ status: "failed", exit_code: 127 });
});

test("a shell speaks, is resized, is left, and is taken up again with what it showed", async () => {
  const { near, hub } = await fleet();
  const first = order(near, pi, { kind: "shell", request: { cols: 80, rows: 24 } });
  await until(() => first.accepted !== undefined);
  first.order.input(new TextEncoder().encode("stty size; echo mark$((20+3))\n"));
  await until(() => first.output.includes("mark23"));
  expect(first.output).toContain("24 80");
  hub.streams.at(-1)?.[0].close();
  expect(await codeOf(first.order.outcome)).toBe("session_cut");
  const session = String(first.accepted?.["session"]);
  const again = order(near, pi, { kind: "shell", request: { cols: 100, rows: 40, session } });
  await until(() => again.output.includes("mark23"));
  again.order.input(new TextEncoder().encode("stty size; exit 5\n"));
  expect((await again.order.outcome).result).toMatchObject({ exit_code: 5 });
  expect(again.output).toContain("40 100");
  const lost = order(near, pi, { kind: "shell", request: { cols: 80, rows: 24, session } });
  expect(await lost.order.outcome).toMatchObject({ error: { code: "not_found" } });
});

function processGone(pid: unknown): boolean {
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch {
    return true;
  }
}
