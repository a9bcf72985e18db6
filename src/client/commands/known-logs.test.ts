import { beforeAll, expect, test } from "bun:test";
import {
  begin,
  codeOf,
  controllerEntry,
  crypto,
  grow,
  memberEntry,
  party,
  removeEntry,
  type Party,
} from "../../agent/sessions/fleet.fixture.ts";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { KnownLogs, type RememberedHead } from "./known-logs.ts";

let home: Party;
let browser: Party;
let log: OwnerLog;

beforeAll(async () => {
  home = party("home", "desktop");
  browser = party("browser", "laptop");
  log = await grow(await begin(home), controllerEntry(browser, home));
});

function known(remembered?: RememberedHead) {
  const kept: RememberedHead[] = [];
  const logs = new KnownLogs({
    crypto,
    ownKey: browser.signer.publicKey,
    remembered,
    remember: (head) => void kept.push(head),
    changed() {},
  });
  return { logs, kept };
}

const rootOf = (one: OwnerLog): string => toBase64Url(one.id);

test("the log that lets this key command is the one, and where it ends is remembered", async () => {
  const other = await begin(party("other"));
  const { logs, kept } = known();
  logs.hear(rootOf(other), other.entries);
  expect(kept).toEqual([]);
  logs.hear(rootOf(log), log.entries);
  expect(logs.log?.length).toBe(2);
  expect(logs.problem()).toBeUndefined();
  const grown = await grow(log, memberEntry(party("pi"), home));
  await logs.take(grown.entries.slice(2));
  expect(kept.map(({ root, number }) => [root, number])).toEqual([
    [rootOf(log), 1],
    [rootOf(log), 2],
  ]);
});

test("a hub that shows an older log, or another owner's, is not followed on a later visit", async () => {
  const first = known();
  const grown = await grow(log, memberEntry(party("pi"), home));
  first.logs.hear(rootOf(grown), grown.entries);
  const later = known(first.kept.at(-1));
  later.logs.hear(rootOf(log), log.entries);
  expect(later.logs.problem()?.message).toContain("older");
  later.logs.hear(rootOf(grown), grown.entries);
  expect(later.logs.problem()).toBeUndefined();
  const liar = party("liar", "desktop");
  const own = await grow(await begin(liar), controllerEntry(browser, liar), memberEntry(party("pi"), liar));
  const misled = known(first.kept.at(-1));
  misled.logs.hear(rootOf(own), own.entries);
  expect(misled.logs.problem()?.code).toBe("owner_log_invalid");
  // Named as the one that is known, it is found out just so.
  misled.logs.hear(rootOf(grown), own.entries);
  expect(misled.logs.problem()?.code).toBe("owner_log_invalid");
});

test("two histories of one log are a fork, from the hub or from a device, now or later", async () => {
  const one = await grow(log, memberEntry(party("pi"), home));
  const two = await grow(log, removeEntry(browser, home));
  const { logs, kept } = known();
  logs.hear(rootOf(log), one.entries);
  expect(await codeOf(logs.take(two.entries))).toBe("owner_log_forked");
  expect(logs.problem()?.code).toBe("owner_log_forked");
  const later = known(kept.at(-1));
  later.logs.hear(rootOf(log), two.entries);
  expect(later.logs.problem()?.code).toBe("owner_log_forked");
});
