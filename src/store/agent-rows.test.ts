import { expect, test } from "bun:test";
import { SHARES_PER_DEVICE } from "../protocol/limits.ts";
import {
  type AgentShareRow,
  addAgentShare,
  changeAgentShare,
  findAgentShare,
  listAgentShares,
  removeAgentShare,
} from "./agent-shares.ts";
import { appendLogEntry, listLogEntries } from "./owner-log-rows.ts";
import { findRuntime, listRuntime, setRuntime } from "./runtime.ts";
import { nextSessionNumber } from "./session-numbers.ts";
import { NOW, ROOT, agentStore, logEntry, tempFolder, rejection } from "./testing.ts";

const RUNNING = {
  share_id: "s1",
  pid: 4,
  start_mark: "m",
  state: "running",
  since: NOW,
  restarts: 0,
  last_exit: null,
  log_path: null,
} as const;

test("a share is kept as it was asked for, changed, and removed with its runtime", async () => {
  const { db, close } = await agentStore();
  const share = newShare("s1");
  await addAgentShare(db, share);
  expect(await findAgentShare(db, "s1")).toEqual(share);
  await setRuntime(db, RUNNING);
  await setRuntime(db, { ...RUNNING, state: "crashed", pid: null, restarts: 1, last_exit: "code 1" });
  expect(await listRuntime(db)).toMatchObject([{ state: "crashed", pid: null, restarts: 1 }]);
  expect(await changeAgentShare(db, "s1", { label: "blog-2", wanted_running: 0 })).toMatchObject({
    label: "blog-2",
  });
  expect(await changeAgentShare(db, "none", { label: "x" })).toBeUndefined();
  expect(await removeAgentShare(db, "s1")).toBe(true);
  expect(await removeAgentShare(db, "s1")).toBe(false);
  expect(await findRuntime(db, "s1")).toBeUndefined();
  await close();
});

test("a name is used once, and a device has a hundred shares at most", async () => {
  const { db, close } = await agentStore();
  await addAgentShare(db, newShare("s1"));
  expect(await rejection(addAgentShare(db, { ...newShare("s2"), name: "name-s1" }))).toMatchObject({
    code: "name_taken",
  });
  for (let number = 2; number <= SHARES_PER_DEVICE; number++) await addAgentShare(db, newShare(`s${number}`));
  expect(await rejection(addAgentShare(db, newShare("more")))).toMatchObject({ code: "too_many" });
  expect(await listAgentShares(db)).toHaveLength(SHARES_PER_DEVICE);
  await close();
});

test("runtime belongs to a share", async () => {
  const { db, close } = await agentStore();
  expect(await rejection(setRuntime(db, RUNNING))).toMatchObject({
    message: expect.stringContaining("FOREIGN KEY"),
  });
  await close();
});

test("a session number is never used twice, also after a restart", async () => {
  await using folder = await tempFolder();
  const path = folder.file("state.db");
  const before = await agentStore({ path });
  const numbers = await Promise.all([1, 2, 3].map(() => nextSessionNumber(before.db, "hub", NOW)));
  expect(numbers.sort((left, right) => left - right)).toEqual([NOW, NOW + 1, NOW + 2]);
  await before.close();
  const after = await agentStore({ path });
  // The clock was set back meanwhile.
  expect(await nextSessionNumber(after.db, "hub", NOW - 1000)).toBe(NOW + 3);
  expect(await nextSessionNumber(after.db, "hub", NOW + 1000)).toBe(NOW + 1000);
  expect(await nextSessionNumber(after.db, "other hub", NOW)).toBe(NOW);
  await after.close();
});

test("a device keeps owner logs like a hub does", async () => {
  const { db, close } = await agentStore();
  await appendLogEntry(db, logEntry(0));
  expect((await appendLogEntry(db, logEntry(0, "fork"))).outcome).toBe("conflict");
  expect(await listLogEntries(db, ROOT)).toHaveLength(1);
  await close();
});

function newShare(id: string): AgentShareRow {
  return {
    id,
    name: `name-${id}`,
    label: null,
    url: null,
    kind: "app",
    path: "/srv/app",
    command: '["npm","start"]',
    port: 3000,
    access: "password",
    password_verifier: "$argon2id$",
    password_version: 1,
    proof_key: new Uint8Array(32),
    expires_at: null,
    spa: 0,
    description: null,
    created_at: NOW,
    wanted_running: 1,
    options: "{}",
  };
}
