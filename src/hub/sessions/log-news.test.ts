import { expect, test } from "bun:test";
import type { Actor, Role } from "../../protocol/actors.ts";
import { utf8 } from "../../protocol/bytes.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { Trunk } from "../../trunk/trunk.ts";
import { tellLogNews } from "./log-news.ts";
import { Session } from "./session.ts";

const ENTRY: OwnerLogEntry = {
  log: "anna",
  number: 1,
  previous: "",
  kind: "remove",
  body: "{}",
  by: "",
  signature: "",
};

/** A session whose connection takes as much as it is told to. */
function device(...roles: [root: string, role: Role][]) {
  const time = new FakeTime();
  let taken = "";
  let takes = true;
  const wire = {
    write: (bytes: Uint8Array) =>
      takes ? ((taken += Buffer.from(bytes).toString("latin1")), bytes.length) : 0,
    shutdown() {},
    close() {},
  };
  const events = {
    opened: () => ({ data() {}, drain() {}, end() {}, close() {} }),
    message() {},
    goaway() {},
    closed() {},
  };
  const trunk = new Trunk({ role: "hub", stream: wire, timers: time, clock: time, events });
  const actor: Actor = { kind: "register", deviceKey: "k", deviceId: "d", roles: new Map(roles) };
  const facts = {
    kind: "register",
    publicKey: new Uint8Array(32),
    deviceId: "d",
    name: "pi",
  } as Session["facts"];
  return {
    session: new Session(facts, trunk, () => actor),
    clog: (bytes: number) => {
      takes = false;
      trunk.message(utf8("x".repeat(bytes)));
      time.advance(1);
    },
    heard() {
      takes = true;
      trunk.wire.drain();
      time.advance(1);
      return taken.includes("log_entries");
    },
  };
}

test("an entry is told to all who go by its log, and to nobody else", () => {
  const [own, granted, other] = [
    device(["anna", "member"]),
    device(["anna", "granted"]),
    device(["ben", "member"]),
  ];
  tellLogNews(
    [own, granted, other].map(({ session }) => session),
    "anna",
    [ENTRY],
  );
  expect([own.heard(), granted.heard(), other.heard()]).toEqual([true, true, false]);
});

test("an entry is told also to a device that has much to read before it", () => {
  const slow = device(["anna", "member"]);
  slow.clog(1_000_000);
  expect(slow.session.hears).toBe(false);
  tellLogNews([slow.session], "anna", [ENTRY]);
  expect(slow.heard()).toBe(true);
});
