import { expect, test } from "bun:test";
import { signCommand, type CommandRequest } from "../client/command.ts";
import type { Signer } from "../identity/crypto.ts";
import {
  begun,
  crypto,
  DAY_MS,
  full,
  home,
  NOW,
  newSigner,
  phone,
  pi,
} from "../identity/owner-log.fixture.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import type { HubMessage } from "../protocol/messages.ts";
import type { ShareView } from "../protocol/views.ts";
import { listAudit } from "../store/audit.ts";
import { CommandDesk, type CommandDeskOptions } from "./commands.ts";
import { Notices } from "./notices.ts";
import { OwnerBook } from "./owner-book.ts";
import { FakeHub, stateStore, testWorld } from "./testing.ts";

const ROOT = toBase64Url(begun.id);
const device = { id: "my-device", publicKey: crypto.randomBytes(32) };

const SHARE: ShareView = {
  id: "abcdefghij",
  name: "site",
  kind: "page",
  state: "running",
  url: "http://site.localhost:8080/",
  access: "password",
  device_id: device.id,
  device_name: "home",
  description: null,
  created_at: new Date(NOW).toISOString(),
  expires_at: null,
  proof: { state: "unknown", checked_at: null, latency_ms: null, reason: null },
  links: [],
  stable: true,
};

async function deskOf(changes: Partial<CommandDeskOptions> = {}, nowMs = NOW + DAY_MS) {
  const clock = { nowMs, now: () => clock.nowMs, monotonic: () => 0 };
  const store = await stateStore(testWorld());
  const hub = new FakeHub();
  const book = new OwnerBook({
    db: store.db,
    crypto,
    hub,
    ownerRoot: ROOT,
    notices: new Notices(),
    log: SILENT_LOG,
  });
  await book.take(full.entries);
  const done: string[] = [];
  let gate: Promise<void> = Promise.resolve();
  const options: CommandDeskOptions = {
    db: store.db,
    clock,
    crypto,
    log: SILENT_LOG,
    device,
    ownerRoot: ROOT,
    embedded: true,
    book,
    actions: {
      "share.add": async (request) => {
        done.push(`add ${request.path ?? ""}`);
        await gate;
        return { share: SHARE, password: "k7qm-2xw9-bt4n", warnings: [] };
      },
      "share.remove": ({ share }) => {
        done.push(`remove ${share}`);
        return Promise.resolve({ id: share, name: "site" });
      },
      "app.start": () => Promise.reject(new Error("broken inside")),
      "app.stop": () => Promise.resolve({ share: SHARE }),
    },
    ...changes,
  };
  const hold = () => {
    let release = (): void => {};
    gate = new Promise((resolve) => (release = resolve));
    return () => release();
  };
  return {
    desk: new CommandDesk(options),
    another: () => new CommandDesk(options),
    done,
    store,
    clock,
    hold,
  };
}

const ADD: CommandRequest<"share.add"> = { path: "/srv/site", access: "password" };

async function signed(
  signer: Signer = phone,
  change: Partial<HubMessage<"command">> = {},
  deviceKey = device.publicKey,
) {
  const order = { kind: "share.add", request: ADD, deviceId: device.id, deviceKey, ownerRoot: ROOT } as const;
  return {
    ...(await signCommand(order, crypto, signer)),
    id: "7",
    ...change,
  } satisfies HubMessage<"command">;
}

test("a controller's command is done, answered under its request's id, and recorded", async () => {
  const { desk, done, store } = await deskOf();
  const answer = await desk.handle(await signed());
  expect(answer).toMatchObject({ type: "command_outcome", id: "7" });
  expect(JSON.parse(answer.result ?? "")).toMatchObject({
    share: { id: "abcdefghij" },
    password: "k7qm-2xw9-bt4n",
  });
  expect(done).toEqual(["add /srv/site"]);
  const { rows } = await listAudit(store.db);
  expect(rows).toMatchObject([{ action: "share.add", actor: `key:${toBase64Url(phone.publicKey)}` }]);
  await store.close();
});

test("the same command again returns the first outcome and does nothing, also in the next agent", async () => {
  const { desk, another, done, store } = await deskOf();
  const command = await signed();
  await desk.handle(command);
  const again = await desk.handle({ ...command, id: "8" });
  const later = await another().handle({ ...command, id: "9" });
  expect(done).toHaveLength(1);
  expect(again.id).toBe("8");
  expect(JSON.parse(later.result ?? "")).toMatchObject({ share: { id: "abcdefghij" } });
  // The password is shown once and is nowhere on the disk.
  expect(later.result).not.toContain("k7qm");
  await store.close();
});

test("two of the same at once are one", async () => {
  const { desk, done, store, hold } = await deskOf();
  const release = hold();
  const command = await signed();
  const both = Promise.all([desk.handle(command), desk.handle({ ...command, id: "8" })]);
  release();
  const [one, two] = await both;
  expect(done).toHaveLength(1);
  expect(one.result).toBe(two.result);
  await store.close();
});

test("a command during which the agent ended is not run again, and says so", async () => {
  const { desk, another, done, store, hold } = await deskOf();
  hold();
  const command = await signed();
  void desk.handle(command);
  while (done.length === 0) await Promise.resolve();
  expect((await another().handle(command)).error).toMatchObject({ code: "unavailable" });
  expect(done).toHaveLength(1);
  await store.close();
});

const TAMPERED: [string, Partial<HubMessage<"command">>, string][] = [
  ["for another device", { device_id: "other" }, "forbidden"],
  ["of another owner", { owner_root: toBase64Url(new Uint8Array(32)) }, "forbidden"],
  ["of a sealed session", { session_hash: toBase64Url(new Uint8Array(32).fill(1)) }, "forbidden"],
  ["with another number", { number: 1 }, "forbidden"],
  ["with another request", { request: '{"path":"/etc","access":"public"}' }, "bad_signature"],
  ["with another kind", { kind: "share.remove" }, "bad_signature"],
  ["with a fresh id", { command_id: "another" }, "bad_signature"],
  ["in another controller's name", { signer: toBase64Url(home.publicKey) }, "bad_signature"],
  ["by a key of no length", { signer: "AAAA" }, "bad_signature"],
  ["without a signature", { signature: "" }, "bad_signature"],
];

test.each(TAMPERED)("a command %s is refused and starts nothing", async (_, change, code) => {
  const { desk, done, store } = await deskOf();
  expect((await desk.handle(await signed(phone, change))).error).toMatchObject({ code });
  expect(done).toEqual([]);
  await store.close();
});

test("a command that was signed for another device's key is refused", async () => {
  const { desk, done, store } = await deskOf();
  const answer = await desk.handle(await signed(phone, {}, crypto.randomBytes(32)));
  expect(answer.error).toMatchObject({ code: "bad_signature" });
  expect(done).toEqual([]);
  await store.close();
});

test.each<[string, Signer]>([
  ["a member", pi],
  ["a stranger", newSigner()],
])("%s commands nothing", async (_, signer) => {
  const { desk, done, store } = await deskOf();
  expect((await desk.handle(await signed(signer))).error).toMatchObject({ code: "forbidden" });
  expect(done).toEqual([]);
  await store.close();
});

test("a browser's right ends after its thirty days", async () => {
  const { desk, done, store } = await deskOf({}, NOW + 31 * DAY_MS);
  expect((await desk.handle(await signed(phone))).error).toMatchObject({ code: "forbidden" });
  expect((await desk.handle(await signed(home))).error).toBeUndefined();
  expect(done).toHaveLength(1);
  await store.close();
});

test("a device whose hub is elsewhere takes none of these", async () => {
  const { desk, done, store } = await deskOf({ embedded: false });
  expect((await desk.handle(await signed())).error).toMatchObject({ code: "forbidden" });
  expect(done).toEqual([]);
  await store.close();
});

test("one id stands for one command", async () => {
  const { desk, store } = await deskOf();
  const { db } = store;
  const command = await signed();
  await desk.handle(command);
  await db
    .updateTable("commands")
    .set({ digest: new Uint8Array(32) })
    .execute();
  expect((await desk.handle(command)).error).toMatchObject({ code: "conflict" });
  await store.close();
});

test("what is wrong inside is told as internal, and what does not fit its shape is refused", async () => {
  const { desk, store } = await deskOf();
  const order = { deviceId: device.id, deviceKey: device.publicKey, ownerRoot: ROOT } as const;
  const start = await signCommand({ ...order, kind: "app.start", request: { share: "shop" } }, crypto, phone);
  expect((await desk.handle({ ...start, id: "1" })).error).toEqual({
    code: "internal",
    message: "internal error",
  });
  const empty = await signCommand({ ...order, kind: "share.remove", request: { share: "" } }, crypto, phone);
  expect((await desk.handle({ ...empty, id: "2" })).error).toMatchObject({ code: "bad_request" });
  await store.close();
});

test("commands are forgotten after thirty days, but not while their signer could send them again", async () => {
  const { desk, store, clock, done } = await deskOf();
  const byBrowser = await signed(phone);
  const byHome = await signed(home);
  await desk.handle(byBrowser);
  await desk.handle(byHome);
  clock.nowMs += 32 * DAY_MS;
  await desk.tidy();
  const kept = await store.db.selectFrom("commands").select("signer").execute();
  expect(kept).toEqual([{ signer: toBase64Url(home.publicKey) }]);
  await desk.handle(byHome);
  expect((await desk.handle(byBrowser)).error).toMatchObject({ code: "forbidden" });
  expect(done).toHaveLength(2);
  await store.close();
});
