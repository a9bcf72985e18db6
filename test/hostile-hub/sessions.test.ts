// A hub run by an enemy, between a controller and a device that are the real ones. Whatever it does to a session is
// found and has a name, and no command is begun that its owner did not give to that device, there and then.
import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { OwnerLog } from "../../src/identity/owner-log.ts";
import {
  begin,
  browserParty,
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
  TestHub,
  until,
  type Party,
  type Tamper,
  type TestDevice,
} from "../../src/agent/sessions/fleet.fixture.ts";

afterEach(endDevices);

const WRITES = { kind: "exec", request: { script: "echo done", stdin: false } } as const;
const TEXT = new TextDecoder();

let home: Party;
let laptop: Party;
let pi: Party;
let server: Party;
let log: OwnerLog;

async function fleet() {
  const hub = new TestHub();
  const there = await device(hub, pi, { log });
  const other = await device(hub, server, { log });
  return { hub, there, other, near: await controller(hub, laptop, log) };
}

/** Commands that a device has taken. */
async function taken({ tasks }: TestDevice): Promise<number> {
  const { stats } = await tasks.tasks.desk.stats();
  return Object.values(stats).reduce((sum, count) => sum + count, 0);
}

/** Applies `change` to the n-th piece (from 0) that one side sends. */
function atPiece(
  side: "controller" | "device",
  wanted: number,
  change: (bytes: Uint8Array) => Uint8Array[],
): Tamper {
  let piece = 0;
  return (from, bytes, pass) => {
    if (from !== side || piece++ !== wanted) return pass(bytes);
    for (const changed of change(bytes)) pass(changed);
  };
}

const flip = (bytes: Uint8Array): Uint8Array[] => {
  const changed = new Uint8Array(bytes);
  const last = changed.length - 1;
  changed[last] = (changed[last] ?? 0) ^ 1;
  return [changed];
};

describe.each([
  ["a command line", async () => party("laptop")],
  ["a browser", async () => browserParty("browser")],
])("between %s and its device", (_, controllerParty) => {
  beforeAll(async () => {
    home = party("home", "desktop");
    laptop = await controllerParty();
    pi = party("pi", "raspberry_pi");
    server = party("server", "vps");
    log = await grow(
      await begin(home),
      memberEntry(pi, home),
      memberEntry(server, home),
      controllerEntry(laptop, home, { until: Date.now() + DAY_MS }),
    );
  });

  test.each([
    ["a changed byte", flip],
    ["a piece twice", (bytes: Uint8Array) => [bytes, bytes]],
    ["another piece before it", (bytes: Uint8Array) => [...flip(bytes), bytes]],
  ])("%s is found wherever it is done", async (_, change) => {
    for (const side of ["controller", "device"] as const) {
      for (const piece of [0, 1, 2]) {
        const { hub, near, there } = await fleet();
        hub.tamper = atPiece(side, piece, change);
        const code = await codeOf(order(near, pi, WRITES).order.outcome);
        expect(["seal_broken", "session_cut", "protocol_error"]).toContain(code);
        // What the device sends comes back changed after it has obeyed, or before; never is anything done twice.
        expect(await taken(there)).toBeLessThanOrEqual(side === "device" ? 1 : 0);
      }
    }
  });

  test("pieces in another order are found", async () => {
    const { hub, near, there } = await fleet();
    const held: Uint8Array[] = [];
    let piece = 0;
    hub.tamper = (from, bytes, pass) => {
      if (from !== "controller" || piece++ < 1) return pass(bytes);
      held.unshift(bytes);
      if (held.length === 2) for (const one of held) pass(one);
    };
    expect(await codeOf(order(near, pi, WRITES).order.outcome)).toMatch(
      /seal_broken|session_cut|protocol_error/,
    );
    expect(await taken(there)).toBe(0);
  });

  test("a session that stops early is told from one that ended", async () => {
    const { hub, near } = await fleet();
    const told = order(near, pi, { kind: "exec", request: { script: "echo first; sleep 5", stdin: false } });
    await until(() => told.output === "first\n");
    hub.streams.at(-1)?.[0].receiveEnd();
    expect(await codeOf(told.order.outcome)).toBe("session_cut");
  });

  test("a recorded session played again gets no command obeyed", async () => {
    const { hub, near, there } = await fleet();
    const said: Uint8Array[] = [];
    hub.tamper = (from, bytes, pass) => {
      if (from === "controller") said.push(new Uint8Array(bytes));
      pass(bytes);
    };
    const told = order(near, pi, WRITES);
    await told.order.outcome;
    expect(await taken(there)).toBe(1);
    hub.tamper = (_from, bytes, pass) => pass(bytes);
    const answers: Uint8Array[] = [];
    let reset: number | undefined;
    const stream = hub.portOf(laptop.signer.publicKey).openStream(wishFor(pi), {
      data: (bytes) => answers.push(new Uint8Array(bytes)),
      drain() {},
      end() {},
      close: () => (reset = 1),
    });
    if (typeof stream === "string") throw new Error(stream);
    for (const bytes of said) stream.write(bytes);
    await until(() => reset !== undefined);
    expect(await taken(there)).toBe(1);
  });

  test("another device in the place of the one that was meant can't answer", async () => {
    const { hub, near, other, there } = await fleet();
    hub.lead = () => server.id;
    expect(await codeOf(order(near, pi, WRITES).order.outcome)).toMatch(/seal_broken|session_cut/);
    expect(await taken(other)).toBe(0);
    expect(await taken(there)).toBe(0);
  });

  test("a controller announced as another one can't shake hands, and an invented one neither", async () => {
    const { hub, near, there } = await fleet();
    for (const who of [home.signer.publicKey, party("nobody").signer.publicKey]) {
      hub.announce = () => who;
      expect(await codeOf(order(near, pi, WRITES).order.outcome)).toMatch(
        /seal_broken|session_cut|forbidden/,
      );
    }
    expect(await taken(there)).toBe(0);
  });

  test("two sessions spliced into each other open nothing", async () => {
    const { hub, near, there, other } = await fleet();
    const bytesOf: Uint8Array[][] = [[], []];
    let session = -1;
    hub.tamper = (from, bytes, pass) => {
      if (from === "controller") bytesOf[session]?.push(new Uint8Array(bytes));
      pass(bytes);
    };
    session = 0;
    await order(near, pi, WRITES).order.outcome;
    session = 1;
    // The second one's handshake, the first one's command.
    let piece = 0;
    hub.tamper = (from, bytes, pass) => {
      if (from !== "controller" || piece < 1) {
        piece += from === "controller" ? 1 : 0;
        return pass(bytes);
      }
      const old = bytesOf[0]?.[piece++];
      if (old !== undefined) pass(old);
    };
    expect(await codeOf(order(near, server, WRITES).order.outcome)).toMatch(
      /seal_broken|session_cut|protocol_error/,
    );
    expect(await taken(other)).toBe(0);
    expect(await taken(there)).toBe(1);
  });

  test("a byte that is slipped into an open shell ends it before the shell sees it", async () => {
    const { hub, near } = await fleet();
    const told = order(near, pi, { kind: "shell", request: { cols: 80, rows: 24 } });
    await until(() => told.accepted !== undefined);
    told.order.input(new TextEncoder().encode("echo mark$((20+3))\n"));
    await until(() => told.output.includes("mark23"));
    const [, far] = hub.streams.at(-1) ?? [];
    far?.receive(new Uint8Array([0, 17, ...new TextEncoder().encode("rm -rf / # evil\n"), 0]));
    expect(await codeOf(told.order.outcome)).toMatch(/seal_broken|session_cut|protocol_error/);
    expect(told.output).not.toContain("evil");
  });

  test("the hub reads nothing of what is said", async () => {
    const { hub, near } = await fleet();
    const told = order(near, pi, {
      kind: "exec",
      request: { script: "echo a-secret-answer; cat", stdin: true, environment: { WORD: "a-secret-word" } },
    });
    await until(() => told.accepted !== undefined);
    told.order.input(new TextEncoder().encode("a-secret-input"));
    told.order.tell({ type: "input_end" });
    await told.order.outcome;
    expect(told.output).toContain("a-secret-input");
    const seen = hub.seen.map((bytes) => TEXT.decode(bytes)).join("");
    expect(seen).not.toContain("secret");
    expect(seen).not.toContain("exec");
  });
});

function wishFor(who: Party): Uint8Array {
  return new TextEncoder().encode(`session\ncommand\n${who.id}`);
}
